"""The ledger: one JSON document per connection, kept in Vault and changed by check-and-set only.

It holds what a later run must know and cannot observe: which run works on the connection, which version
was applied last, how far a rotation came, and which versions the directory has already refused. It holds
no secret. A person can read it: ``account-rotation ledger NAME``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, ConfigDict, Field

from connectors.last_run import KeptConsent, LastRun
from connectors.rotation import Part, Retirement, Rotation, Trouble

SCHEMA: Literal[3] = 3
READABLE = frozenset({1, 2, 3})
"""Schemas that this version reads; 1 had no rotations, 2 no last run and no forms. The next
change writes the newest."""
TAKEN_FOR_DEAD = timedelta(hours=1)
"""After this long a holder that was never let go is taken for a run that was killed."""
SPACING = timedelta(seconds=60)
"""Between two tries of a refused version."""

KEPT_ATTEMPTS = 20
"""Sign-in attempts that are remembered, youngest last; and as many older ones that may have been wrong."""
COUNTS_FOR = timedelta(hours=1)
"""So long a wrong password counts, whatever else is forgotten."""
_MAY_BE_WRONG = frozenset({"begun", "wrong password"})
_BEFORE = " before"


class Holder(Part):
    """The run that works on the connection. A younger run may take over; the older one then stops."""

    run: str
    since: AwareDatetime


class Sighting(Part):
    """What the domain controllers knew of an account's sign-ins when a person's report was weighed.

    ``seen`` and ``wrong`` are the newest good and wrong one since the person was asked; ``told`` is False
    where no controller could be asked. ``proves``: only the new credential can have signed in then.
    """

    told: bool
    seen: AwareDatetime | None = None
    wrong: AwareDatetime | None = None
    where: str = ""
    proves: bool = False
    previous_until: AwareDatetime | None = None


class Asked(Part):
    """The run that waits for a person's answer about the connection, in a form."""

    run: str
    label: str = Field(description="SecretVersion.label of the credential that the person enters.")
    since: AwareDatetime
    until: AwareDatetime = Field(description="When the form is closed if nobody has answered.")
    signed_in: dict[str, AwareDatetime] = Field(
        default_factory=dict,
        description="The account's last sign-in on each domain controller when the person was asked.",
    )
    sighting: Sighting | None = Field(
        default=None,
        description="What was seen when the report was taken; later sign-ins are ours.",
    )


class Applied(Part):
    """What the console was last given, and proven to hold."""

    account: str
    label: str = Field(description="SecretVersion.label: mount, path, version and creation time.")
    at: AwareDatetime
    entered_as: str | None = Field(
        default=None, description="Label that the console shows for it, when it was promoted since."
    )

    def shown_as(self, label: str) -> str:
        """Return the label that the console shows for a version of a secret."""
        return self.entered_as if self.entered_as and self.label == label else label


class Attempt(Part):
    """One password sign-in of a connection account, written down before it is made."""

    account: str
    label: str
    at: AwareDatetime
    outcome: Literal["begun", "accepted", "wrong password", "no verdict", "not proven"]


class Ledger(Part):
    """The document. ``fence`` is the Vault version it was read at; it is not part of the document."""

    schema_version: Literal[3] = Field(default=SCHEMA, alias="schema")
    connection: str
    holder: Holder | None = None
    asked: Asked | None = None
    applied: Applied | None = None
    in_use: str | None = Field(
        default=None, description="The account that the console signs in with."
    )
    idle: str | None = Field(default=None, description="The account that waits for its turn.")
    rotation: Rotation | None = Field(default=None, description="A rotation that has not ended.")
    rotated_at: AwareDatetime | None = Field(default=None, description="When one last ended well.")
    retire: Retirement | None = None
    trouble: Trouble | None = None
    attempts: tuple[Attempt, ...] = ()
    test_users: AwareDatetime | None = Field(
        default=None, description="Since when test users may be left; none are when it is empty."
    )
    verified_at: AwareDatetime | None = None
    findings: tuple[str, ...] = ()
    outcome: str | None = Field(default=None, description="End state of the last run.")
    last_run: LastRun | None = Field(default=None, description="What it found, for status.")
    consent: KeptConsent | None = Field(default=None, description="As it was last reviewed.")
    fence: int = Field(default=0, exclude=True)

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def held_at(self, now: datetime) -> Holder | None:
        """Return the run that works on the connection; one that was killed works on nothing."""
        alive = self.holder is not None and self.holder.since > now - TAKEN_FOR_DEAD
        return self.holder if alive else None

    def asks_at(self, now: datetime) -> Asked | None:
        """Return what a suspended run asks a person about the connection at this moment; None where none does."""
        waits = self.asked is not None and self.holder is None and self.asked.until > now
        return self.asked if waits else None

    def refused(self, label: str, account: str, *, tries: int, now: datetime) -> Attempt | None:
        """Return the attempt that forbids another one with this version now; None when one may be made.

        A refused version may be tried ``tries`` times in all, a minute apart: a change may not have
        reached every data centre. One whose verdict was lost, because its run was killed, may be tried
        once more, and not a third time. An accepted attempt wipes the slate.
        """
        since: list[Attempt] = []
        for attempt in self.attempts:
            if attempt.label != label or not _same(attempt.account, account):
                continue
            since = [] if attempt.outcome == "accepted" else [*since, attempt]
        wrong = [attempt for attempt in since if attempt.outcome == "wrong password"]
        lost = [attempt for attempt in since if attempt.outcome == "begun"]
        if len(lost) > 1:
            return lost[-1]
        if wrong and (len(wrong) >= tries or now - wrong[-1].at < SPACING):
            return wrong[-1]
        return None

    def wrong_since(self, account: str, since: datetime) -> int:
        """Count the versions tried on an account since then that were, or may have been, wrong.

        The same wrong password again counts once: Entra's smart lockout remembers it.
        """
        return len(
            {
                a.label
                for a in self.attempts
                if _same(a.account, account) and a.at >= since and a.outcome in _MAY_BE_WRONG
            }
        )

    def begin_attempt(self, attempt: Attempt) -> Ledger:
        """Return the ledger with one more attempt, and without those that say nothing any more.

        However many good ones have followed, one that may have been wrong counts for an hour, and a version that was
        refused stays refused until it is accepted.
        """
        every = (*self.attempts, attempt)
        old, young = every[:-KEPT_ATTEMPTS], every[-KEPT_ATTEMPTS:]
        doubtful: list[Attempt] = []
        for item in old:
            if item.outcome == "accepted":
                doubtful = [_set_aside(it) if _alike(it, item) else it for it in doubtful]
            elif item.outcome in _MAY_BE_WRONG:
                doubtful.append(item)
        counting = [it for it in doubtful if attempt.at - it.at < COUNTS_FOR]
        refused = [it for it in doubtful if attempt.at - it.at >= COUNTS_FOR and _refuses(it)]
        return self.model_copy(update={"attempts": (*refused[-KEPT_ATTEMPTS:], *counting, *young)})

    def end_attempt(self, outcome: str) -> Ledger:
        """Return the ledger with the verdict of its youngest attempt."""
        *before, last = self.attempts
        return self.model_copy(
            update={"attempts": (*before, last.model_copy(update={"outcome": outcome}))}
        )

    def forget_attempts(self, label: str) -> Ledger:
        """Return the ledger in which the sign-ins with a version say nothing of it: it has just been set anew.

        Under another label they go on counting as wrong ones, as they do in the directory.
        """
        kept = (item if item.label != label else _set_aside(item) for item in self.attempts)
        return self.model_copy(update={"attempts": tuple(kept)})

    def finish(
        self,
        outcome: str,
        findings: Iterable[str],
        at: AwareDatetime,
        *,
        verified: bool,
        last_run: LastRun | None = None,
        consent: KeptConsent | None = None,
    ) -> Ledger:
        """Return the ledger after a run: nobody holds it, and how it ended is known.

        A run that did not review the consent leaves the verdict of the one before.
        """
        codes = tuple(sorted(set(findings)))
        change: dict[str, object] = {
            "holder": None,
            "outcome": outcome,
            "findings": codes,
            "last_run": last_run,
        }
        if self.asked and self.holder and self.asked.run == self.holder.run:
            change["asked"] = None
        known = {"verified_at": at if verified else None, "consent": consent}
        return self.model_copy(
            update=change | {name: value for name, value in known.items() if value is not None}
        )


def _set_aside(attempt: Attempt) -> Attempt:
    """Let an attempt say nothing of its version any more; as a wrong one it goes on counting, as one password."""
    label = f"{attempt.label.removesuffix(_BEFORE)}{_BEFORE}"
    return attempt.model_copy(update={"label": label})


def _refuses(attempt: Attempt) -> bool:
    return attempt.outcome == "wrong password" and not attempt.label.endswith(_BEFORE)


def _alike(one: Attempt, other: Attempt) -> bool:
    return one.label == other.label and _same(one.account, other.account)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
