"""Steps that both extensions share: looking at the console, and saving so that it can be told."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from prefect.runtime import flow_run

from connectors.cayosoft.models import ConnectionRow, ConsoleSession, Draft
from connectors.errors import (
    InvalidInput,
    NotPermitted,
    OutOfStep,
    RotationError,
    Superseded,
    Unknown,
)
from connectors.models import Credential, Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks import _in_person
from tasks._step import AlreadySo, Answer, Done
from tasks._wait import observe
from tasks.identify import Location


def sign_in(systems: Systems, location: Location) -> Answer[ConsoleSession]:
    """Sign in and make sure that the Configuration node is visible to this role."""
    session = systems.console(location.service.name).sign_in()
    if session.service != location.service.name:
        raise OutOfStep(
            "cayosoft",
            "sign in to the console",
            inventory=location.service.name,
            console=session.service,
            advice="The console answers for another service. Correct console.url in the inventory.",
        )
    if not session.may_configure:
        raise NotPermitted(
            "cayosoft",
            "sign in to the console",
            account=session.signed_in_as,
            product_role=session.product_role,
            advice="Give the console account the product role Global Administrators; "
            "only that role sees Configuration.",
        )
    if session.reported:
        return Done(session, f"reported by {session.signed_in_as}")
    evidence = (
        f"as {session.signed_in_as}, role {session.product_role}, "
        f"Cayosoft Administrator {session.product_version}"
    )
    return Done(session, evidence)


def open_extension(systems: Systems, location: Location) -> Answer[bool]:
    """Open the extension's settings and make sure that it is enabled."""
    if not systems.console(location.service.name).extension_enabled(location.extension):
        raise InvalidInput(
            "cayosoft",
            "open the extension",
            extension=location.extension.value,
            advice="Tick 'Extension is enabled' in its settings, "
            "or take the connection out of the inventory.",
        )
    return Done(value=True, evidence="the extension is enabled")


def row_of(systems: Systems, location: Location) -> ConnectionRow:
    """Return the connection's row; where only a person reaches it, as was reported, or as is remembered.

    Where nothing is remembered either, the account that Vault holds is taken to be in use.
    """
    if location.in_person and _in_person.reported(systems, location) is None:
        return _in_person.remembered(location, fetch(systems, location).username)
    return systems.console(location.service.name).connection_row(location.extension, location.row)


def describe(row: ConnectionRow) -> str:
    """Say in a sentence what the console holds in a row."""
    held = f"last entered from {row.secret_label}" if row.secret_label else "source not known"
    revision = f", revision {row.revision}" if row.revision else ""
    return f"row {row.row!r} holds {row.account}, {held}{revision}"


def already_holds(row: ConnectionRow, location: Location, credential: Credential) -> bool:
    """Say whether our last save into this row was this very version of the secret."""
    same_account = row.account.casefold() == credential.username.casefold()
    applied, label = location.ledger.ledger.applied, location.version.label
    return same_account and row.secret_label == (applied.shown_as(label) if applied else label)


def never_backwards(row: ConnectionRow, location: Location) -> None:
    """Make sure that the row does not hold a newer version of this secret already.

    Raises Superseded: another run has entered it since this one pinned its version, and the directory may
    go on accepting the older password for a while. A version that a person named may be older.
    """
    held, _, entered = (row.secret_label or "").rpartition("@")
    pinned, _, created = location.version.label.rpartition("@")
    if location.named or held.rpartition("#")[0] != pinned.rpartition("#")[0]:
        return
    try:
        newer = datetime.fromisoformat(entered) > datetime.fromisoformat(created)
    except (ValueError, TypeError):  # not a label of ours
        return
    if newer:
        raise Superseded(
            "cayosoft",
            "enter the credential",
            row=row.row,
            holds=row.secret_label,
            pinned=location.version.label,
            advice="Another run has entered a newer version of this secret; look at that run. To go "
            f"back on purpose: account-rotation update {location.service.name} "
            f"--connection {location.name} --secret-version {location.secret.version}",
        )


def fetch(systems: Systems, location: Location) -> Credential:
    """Fetch the fresh secret and make sure that it is for an account of this connection.

    Raises OutOfStep when Vault and the inventory name different accounts: entering it could hand one
    service's account to another.
    """
    credential = systems.vault.credential(location.secret)
    allowed = [account.username for account in location.connection.accounts]
    if credential.username.casefold() not in {name.casefold() for name in allowed}:
        raise OutOfStep(
            "vault",
            "fetch the fresh secret",
            secret=location.secret,
            vault=credential.username,
            inventory=" or ".join(allowed),
            advice="The secret names another account than the inventory. Correct the one that is "
            "wrong; nothing was entered in the console.",
        )
    return credential


def enter(systems: Systems, location: Location, row: ConnectionRow) -> Draft:
    """Enter the account and password in an edit draft; nothing is saved yet."""
    editor = systems.console(location.service.name)
    return editor.enter_credential(row, location.secret, location.version.label)


def entered(draft: Draft) -> str:
    """Say in words what was entered, and against what."""
    if not draft.base_revision:
        return "entered in person"
    return f"entered in a draft against revision {draft.base_revision}"


def save(systems: Systems, location: Location, draft: Draft | None) -> Answer[ConnectionRow]:
    """Save the draft; after a lost answer, look at the row before anything else.

    Raises Unknown when the row cannot be looked at then: nobody knows which credential it holds.
    None as draft means that the row held this version already.
    """
    console = systems.console(location.service.name)
    if draft is None:
        row = console.connection_row(location.extension, location.row)
        return AlreadySo(row, describe(row))
    key = run_key(location, "save", draft.id)
    location.ledger.require()
    try:
        row = console.save(draft, key)
    except Unknown as lost:
        problem = lost
    else:
        return Done(row, describe(row))
    row = observe(lambda: console.connection_row(location.extension, location.row), problem)
    if row.saved_key == key:
        return Done(row, f"the answer was lost, the row shows our save; {describe(row)}")
    if row.revision == draft.base_revision:
        # Not applied, and the key makes a second attempt of the same save harmless.
        location.ledger.require()
        row = console.save(draft, key)
        return Done(row, f"the answer was lost before the save; saved now; {describe(row)}")
    raise OutOfStep(
        problem.system,
        problem.operation,
        row=row.row,
        revision=row.revision,
        expected=draft.base_revision,
        advice="Somebody else saved this row at the same moment. Start the update again.",
    )


@contextmanager
def draft_left_named(draft: Draft) -> Iterator[None]:
    """Turn a draft that could not be thrown away into a finding: the first error stays the run's."""
    try:
        yield
    except RotationError as error:
        current_record().here().find(
            Finding(
                "console.draft-left",
                draft.row,
                f"The edit draft {draft.id} could not be thrown away: {error}",
                f"Nothing is due: the draft is not saved and expires at {draft.expires_at:%H:%M} UTC.",
            )
        )


def run_key(location: Location, *what: str) -> str:
    """Return an idempotency key for one act of this run on one connection."""
    run_id = flow_run.get_id() or "no-run"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join((run_id, location.name, *what))))
