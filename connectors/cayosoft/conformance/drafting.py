"""Checks of drafts. Nothing is saved: what they send to ``save`` names drafts that were never there."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from connectors.cayosoft import wire
from connectors.cayosoft.calls import if_match, once
from connectors.cayosoft.conformance import expecting
from connectors.cayosoft.conformance.checks import Broken, Group, Skipped, check
from connectors.cayosoft.conformance.trial import Answer, Trial, row_path
from connectors.cayosoft.models import ConnectionRow, Draft
from connectors.http import Effect
from connectors.secret import Secret

LONGEST = timedelta(hours=24)
GONE = {404: "not-found", 410: "draft-expired"}
_RULE_2 = "A draft changes nothing. The row keeps its credential until save. Any number of drafts may be open;"
_RULE_5 = "Only a request that was carried out uses its key up: after a 4xx the key is free again."


def the_row(trial: Trial) -> ConnectionRow:
    """Return the row that drafts are made of, as it was first read; Skipped where there is none."""
    expecting.signed_in(trial)
    if trial.row is None:
        wanted = (
            f"{trial.row_wanted[0].value}/{trial.row_wanted[1]}" if trial.row_wanted else "a row"
        )
        raise Skipped(f"{wanted} was not read: see B11")
    return trial.row


def now(trial: Trial) -> ConnectionRow:
    """Read the row as it is now."""
    row = the_row(trial)
    answer = trial.send("GET", row_path(row.extension, row.row), token=trial.token)
    return expecting.row(answer, row.extension, row.row)


def enter(
    trial: Trial,
    row: ConnectionRow,
    password: Secret,
    label: str = "bridge check",
    account: str | None = None,
) -> Answer:
    """Enter a password into a new draft of the row."""
    trial.sent.append(("the password", password))
    return trial.send(
        "POST",
        row_path(row.extension, row.row, "/drafts"),
        token=trial.token,
        headers=if_match(row.revision),
        body={
            "account": account or row.account,
            "password": password.reveal(),
            "secretLabel": label,
        },
        effect=Effect.REPEATABLE,
    )


def made(trial: Trial, answer: Answer, row: ConnectionRow, account: str | None = None) -> Draft:
    """Make sure that this is a new draft of the row, and remember it so that it is discarded."""
    expecting.status(answer, 201)
    draft = expecting.body(answer, wire.DraftWire).to_model()
    trial.drafts.append(draft.id)
    told = (draft.extension, draft.row, draft.account, draft.base_revision)
    if told != (row.extension, row.row, account or row.account, row.revision):
        raise Broken("the draft is of another row, account or revision than was entered")
    if "password" in answer.members():
        raise Broken("the draft has a member password")
    return draft


def discard(trial: Trial, draft: str) -> Answer:
    """Throw a draft away."""
    path = f"drafts/{quote(draft, safe='')}"
    return trial.send("DELETE", path, token=trial.token, effect=Effect.REPEATABLE)


def _random() -> Secret:
    return Secret(f"Aa1!{secrets.token_urlsafe(24)}")


def _no_draft() -> str:
    return f"never-{secrets.token_hex(12)}"


@check(
    "D01",
    "a draft names its revision",
    "openapi createDraft",
    "invalid-input. The member named in field is missing or wrong; nothing was done.",
    Group.DRAFTS,
)
def without_revision(trial: Trial) -> str:
    """Enter a password without If-Match."""
    row = the_row(trial)
    path, password = row_path(row.extension, row.row, "/drafts"), _random()
    trial.sent.append(("the password", password))
    body = {"account": row.account, "password": password.reveal(), "secretLabel": "bridge check"}
    answer = trial.send("POST", path, token=trial.token, body=body, effect=Effect.REPEATABLE)
    expecting.problem(answer, {422: "invalid-input"}, "If-Match")
    return "422 invalid-input, field If-Match"


@check(
    "D02",
    "a draft has a password",
    "openapi createDraft",
    "invalid-input. The member named in field is missing or wrong; nothing was done.",
    Group.DRAFTS,
)
def without_password(trial: Trial) -> str:
    """Enter an account without a password."""
    row = the_row(trial)
    answer = trial.send(
        "POST",
        row_path(row.extension, row.row, "/drafts"),
        token=trial.token,
        headers=if_match(row.revision),
        body={"account": row.account, "secretLabel": "bridge check"},
        effect=Effect.REPEATABLE,
    )
    expecting.problem(answer, {422: "invalid-input"}, "password")
    return "422 invalid-input, field password"


@check(
    "D03",
    "a draft of another revision: 412",
    "rule 3",
    "When the row has another one, also after a save by a person at the console, the answer is 412 and nothing "
    "is saved.",
    Group.DRAFTS,
)
def another_revision(trial: Trial) -> str:
    """Enter a password against a revision that the row never had."""
    row = the_row(trial)
    path, password = row_path(row.extension, row.row, "/drafts"), _random()
    trial.sent.append(("the password", password))
    body = {"account": row.account, "password": password.reveal(), "secretLabel": "bridge check"}
    never = if_match(f"never-{secrets.token_hex(8)}")
    answer = trial.send(
        "POST", path, token=trial.token, headers=never, body=body, effect=Effect.REPEATABLE
    )
    expecting.problem(answer, {412: "revision-changed"})
    return "412 revision-changed"


@check(
    "D04",
    "a draft is made",
    "openapi createDraft",
    "Enter an account and a password into a new edit draft; the row itself stays as it is.",
    Group.DRAFTS,
)
def draft(trial: Trial) -> str:
    """Enter the row's own account with a random password."""
    row = the_row(trial)
    answer = enter(trial, row, _random())
    made(trial, answer, row)
    if not answer.header("Location"):
        raise Broken("the answer has no Location")
    return "201, with Location"


@check(
    "D05",
    "a draft expires by itself",
    "rule 2",
    "A draft expires by itself (10 minutes are enough) and its password goes with it.",
    Group.DRAFTS,
)
def expiry(trial: Trial) -> str:
    """Read from a new draft when it expires: later than now, and within a day."""
    row, before = the_row(trial), datetime.now(UTC)
    ends = made(trial, enter(trial, row, _random()), row).expires_at
    if not before < ends <= before + LONGEST:
        raise Broken(f"it would expire at {ends:%Y-%m-%d %H:%M:%S} UTC")
    return f"after {(ends - before).total_seconds():.0f} s"


@check(
    "D06", "several drafts may be open, and the row stays as it is", "rule 2", _RULE_2, Group.DRAFTS
)
def row_unchanged(trial: Trial) -> str:
    """Compare the row, while drafts are open, with what it was before."""
    before = the_row(trial)
    if len(set(trial.drafts)) < 2:
        raise Skipped("no two drafts are open: see D04 and D05")
    if now(trial) != before:
        raise Broken("the row is another one since drafts were made")
    return f"{len(set(trial.drafts))} open, the row is as it was"


@check(
    "D07",
    "a draft that is gone is discarded with success",
    "rule 2",
    "discardDraft on one that is gone is success.",
    Group.DRAFTS,
)
def discarded(trial: Trial) -> str:
    """Discard every draft twice, and one that was never there."""
    the_row(trial)
    for gone in (*trial.drafts, *trial.drafts, _no_draft()):
        expecting.status(discard(trial, gone), 204)
    count = len(trial.drafts)
    trial.drafts.clear()
    return f"{count} discarded twice, and one that was never there"


@check(
    "D08",
    "a save has an idempotency key",
    "openapi save",
    "Look at the key before anything else: a repeated save must succeed although its draft is gone.",
    Group.DRAFTS,
)
def save_without_key(trial: Trial) -> str:
    """Save a draft that was never there, without a key."""
    row = the_row(trial)
    answer = _save(trial, _no_draft(), if_match(row.revision))
    expecting.problem(answer, {422: "invalid-input"}, "Idempotency-Key")
    return "422 invalid-input, field Idempotency-Key"


@check("D09", "a refused request leaves its key free", "rule 5", _RULE_5, Group.DRAFTS)
def key_is_free_again(trial: Trial) -> str:
    """Save two drafts that were never there, one after the other, with the same key."""
    row = the_row(trial)
    key = once("save", f"bridge-check-{secrets.token_hex(8)}")
    for _ in range(2):
        expecting.problem(_save(trial, _no_draft(), if_match(row.revision) | key), GONE)
    return "refused twice, and never as a key that was used"


@check("D10", "after all this the row is as it was", "rule 2", _RULE_2, Group.DRAFTS)
def nothing_saved(trial: Trial) -> str:
    """Compare the row with what it was before the first draft."""
    if now(trial) != the_row(trial):
        raise Broken("the row is another one although nothing was saved")
    return "the same revision, account and marks"


def _save(trial: Trial, gone: str, headers: dict[str, str]) -> Answer:
    return trial.send(
        "POST", f"drafts/{gone}/save", token=trial.token, headers=headers, effect=Effect.REPEATABLE
    )
