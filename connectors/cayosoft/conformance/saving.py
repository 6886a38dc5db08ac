"""Checks that save a credential, the one that a person named, into the row that the person named."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from urllib.parse import quote

from connectors.cayosoft import wire
from connectors.cayosoft.calls import if_match, once
from connectors.cayosoft.conformance import expecting
from connectors.cayosoft.conformance.checks import Broken, Group, Skipped, check
from connectors.cayosoft.conformance.drafting import GONE, discard, enter, made, now
from connectors.cayosoft.conformance.trial import Answer, Saving, Trial, row_path
from connectors.cayosoft.models import ConnectionRow, Draft
from connectors.http import Effect

_RULE_3 = (
    "When the row has another one, also after a save by a person at the console, the answer is 412 and nothing "
    "is saved."
)
_RULE_4 = "The row shows savedKey and secretLabel of the last save through the bridge."
_RULE_5 = "The same key with the same request gets the same answer, and nothing is done twice; with another request it is 409."


def _permitted(trial: Trial) -> Saving:
    expecting.signed_in(trial)
    if trial.saving is None:
        raise Skipped("nobody named a row to save into")
    return trial.saving


def _read(trial: Trial) -> ConnectionRow:
    permitted = _permitted(trial)
    if trial.row is None or (trial.row.extension, trial.row.row) != (
        permitted.extension,
        permitted.row,
    ):
        raise Skipped("the named row was not read: see B11")
    return now(trial)


def _draft(trial: Trial, row: ConnectionRow) -> Draft:
    """Enter the credential that the person named."""
    permitted = _permitted(trial)
    credential = trial.secrets.credential(permitted.credential)
    answer = enter(trial, row, credential.password, permitted.label, credential.username)
    return made(trial, answer, row, credential.username)


def _save(trial: Trial, draft: str, revision: str, key: str) -> Answer:
    return trial.send(
        "POST",
        f"drafts/{quote(draft, safe='')}/save",
        token=trial.token,
        headers=if_match(revision) | once("save", key),
        effect=Effect.CHANGE,
    )


def _key() -> str:
    return f"bridge-check-{secrets.token_hex(8)}"


def _unchanged(trial: Trial, before: ConnectionRow) -> None:
    if now(trial) != before:
        raise Broken("the row is another one although the save was refused")


@check("S01", "a save against another revision: 412", "rule 3", _RULE_3, Group.SAVING)
def another_revision(trial: Trial) -> str:
    """Save a draft against a revision that the row never had."""
    row = _read(trial)
    draft = _draft(trial, row)
    answer = _save(trial, draft.id, f"never-{secrets.token_hex(8)}", _key())
    expecting.problem(answer, {412: "revision-changed"})
    _unchanged(trial, row)
    return "412 revision-changed, the row is as it was"


@check("S02", "a save leaves a mark and a new revision", "rule 4", _RULE_4, Group.SAVING)
def saved(trial: Trial) -> str:
    """Save the credential, then repeat the request and use its key for another one (S03, S04)."""
    row, key = _read(trial), _key()
    draft = _draft(trial, row)
    after = expecting.row(_save(trial, draft.id, row.revision, key), row.extension, row.row)
    trial.last_save = (draft.id, row.revision, key)
    if after.revision == row.revision:
        raise Broken("the save gave no new revision")
    if (after.saved_key, after.secret_label) != (key, draft_label(trial)):
        raise Broken("savedKey or secretLabel are not those of the save")
    if now(trial) != after:
        raise Broken("the row reads otherwise than the save has answered")
    return "new revision, savedKey and secretLabel are those of the save"


def draft_label(trial: Trial) -> str:
    """Return the label under which the credential is saved."""
    return _permitted(trial).label


@check("S03", "the same save again saves nothing twice", "rule 5", _RULE_5, Group.SAVING)
def repeated(trial: Trial) -> str:
    """Repeat the save with its key although its draft is gone."""
    before, (draft, revision, key) = _read(trial), _last(trial)
    again = expecting.row(_save(trial, draft, revision, key), before.extension, before.row)
    if again != before or now(trial) != before:
        raise Broken("the repeat was not answered as the first one, or has saved again")
    return "the same answer, the same revision"


@check("S04", "the key with another request: 409", "rule 5", _RULE_5, Group.SAVING)
def key_reused(trial: Trial) -> str:
    """Use the key of the save for another draft."""
    before, (_, _, key) = _read(trial), _last(trial)
    draft = _draft(trial, before)
    expecting.problem(_save(trial, draft.id, before.revision, key), {409: "idempotency-key-reused"})
    _unchanged(trial, before)
    return "409 idempotency-key-reused, the row is as it was"


@check(
    "S05",
    "the saved draft is gone",
    "openapi save",
    "draft-expired. Nothing was saved, and the password in the draft is gone.",
    Group.SAVING,
)
def draft_is_gone(trial: Trial) -> str:
    """Save the draft that was saved once more, with another key."""
    before, (draft, _, _) = _read(trial), _last(trial)
    expecting.problem(_save(trial, draft, before.revision, _key()), GONE)
    _unchanged(trial, before)
    return "refused, the row is as it was"


@check(
    "S06",
    "a revision is never used twice",
    "rule 3",
    "Every save gives a new revision; none is used twice.",
    Group.SAVING,
)
def old_revision(trial: Trial) -> str:
    """Enter a draft against the revision before the save."""
    before, (_, revision, _) = _read(trial), _last(trial)
    credential = trial.secrets.credential(_permitted(trial).credential)
    answer = trial.send(
        "POST",
        row_path(before.extension, before.row, "/drafts"),
        token=trial.token,
        headers=if_match(revision),
        body={
            "account": credential.username,
            "password": credential.password.reveal(),
            "secretLabel": draft_label(trial),
        },
        effect=Effect.REPEATABLE,
    )
    expecting.problem(answer, {412: "revision-changed"})
    return "412 revision-changed"


@check(
    "S07",
    "Check Settings is a result, whatever it shows",
    "rule 7",
    "A directory that says no is not an error of the bridge.",
    Group.SAVING,
)
def check_settings(trial: Trial) -> str:
    """Run Check Settings with the saved credential."""
    row = _read(trial)
    path = row_path(row.extension, row.row, "/check-settings")
    answer = trial.send("POST", path, token=trial.token, effect=Effect.REPEATABLE)
    expecting.status(answer, 200)
    return "ok" if expecting.body(answer, wire.CheckWire).ok else "not ok: the directory says no"


@check(
    "S08",
    "an expired draft is not saved",
    "rule 2",
    "A draft expires by itself (10 minutes are enough) and its password goes with it.",
    Group.SAVING,
)
def expired(trial: Trial) -> str:
    """Wait until a draft has expired, where the person permits that, and save it."""
    row = _read(trial)
    draft = _draft(trial, row)
    left = (draft.expires_at - datetime.now(UTC)).total_seconds() + 1
    if left > _permitted(trial).wait_for_expiry:
        discard(trial, draft.id)
        raise Skipped(f"it takes {left:.0f} s: give --wait-for-expiry {left:.0f} or more")
    time.sleep(max(0.0, left))
    expecting.problem(_save(trial, draft.id, row.revision, _key()), GONE)
    _unchanged(trial, row)
    return "refused, the row is as it was"


def _last(trial: Trial) -> tuple[str, str, str]:
    if trial.last_save is None:
        raise Skipped("nothing was saved: see S02")
    return trial.last_save
