"""What a run does with the ledger of a connection: take the fence, spend sign-ins, write down what is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from connectors.errors import (
    BudgetSpent,
    NeedsPerson,
    NotYet,
    RotationError,
    SignInReason,
    SignInRefused,
    Superseded,
)
from connectors.last_run import KeptConsent, LastRun
from connectors.ledger import COUNTS_FOR, Applied, Attempt, Holder, Ledger
from connectors.protocols import LedgerStore
from connectors.rotation import Phase, Rotation
from tasks._wait import CLOCK

TEST_USER_LEFT = "validation.test-user-left"
"""Code of the finding that names a test user which could not be removed."""


@dataclass
class SignInAttempt:
    """One password sign-in that is going on; the one who makes it may say that it proved nothing."""

    outcome: Literal["accepted", "not proven"] = "accepted"


class LedgerKeeper:
    """The ledger of one connection during one run.

    Every write goes against the version that was read last, so a run that was overtaken by a younger one
    finds out at its next step and ends as Superseded.
    """

    def __init__(self, store: LedgerStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger
        self._rotated_before = ledger.rotated_at
        self.swept = False
        """Whether this run has removed what earlier runs left of their test users."""

    @classmethod
    def open(cls, store: LedgerStore, connection: str) -> LedgerKeeper:
        """Read the ledger; raises OutOfStep when it is not one that this version understands."""
        return cls(store, store.read(connection))

    @property
    def ledger(self) -> Ledger:
        """The ledger as this run knows it."""
        return self._ledger

    @property
    def rotation(self) -> Rotation | None:
        """The rotation that has begun and not ended."""
        return self._ledger.rotation

    @property
    def rotated_now(self) -> bool:
        """Say whether this run has brought a rotation to its end."""
        return self._ledger.rotated_at != self._rotated_before

    @property
    def under_way(self) -> Rotation:
        """The rotation that has begun and not ended; LookupError where there is none."""
        if self._ledger.rotation is None:
            raise LookupError(self._ledger.connection)
        return self._ledger.rotation

    def take(self, run: str) -> None:
        """Write down that this run works on the connection; an older run is fenced off by it."""
        holder, before = Holder(run=run, since=CLOCK.get().utc()), self._ledger.holder
        # A run that was cut off, or is overtaken now, may have left its test users.
        left = self._ledger.test_users or (before.since if before else None)
        self._write(self._ledger.model_copy(update={"holder": holder, "test_users": left}))

    def leave_alone(self) -> None:
        """Raise Superseded while another run works on the connection: writing a sign-in would fence it off.

        For dry runs, which take nothing. A run that began over an hour ago is taken for dead.
        """
        now = CLOCK.get().utc()
        if asked := self._ledger.asks_at(now):
            raise Superseded(
                "ledger",
                "start a dry run",
                connection=self._ledger.connection,
                run=asked.run,
                until=asked.until.isoformat(timespec="seconds"),
                advice="A run waits for a person's answer about this connection, and watches who signs in. Look at "
                "it again when that run has ended.",
            )
        holder = self._ledger.held_at(now)
        if holder is not None:
            raise Superseded(
                "ledger",
                "start a dry run",
                connection=self._ledger.connection,
                run=holder.run,
                since=holder.since.isoformat(timespec="seconds"),
                advice="Another run works on this connection; a dry run does not disturb it. Look at that "
                "run in the Prefect UI, and start the dry run again when it has ended.",
            )

    def leave_rotation_alone(self) -> None:
        """Raise Superseded while a rotation has not ended: the directory may hold a password of its own."""
        rotation = self._ledger.rotation
        if rotation is None:
            return
        name = self._ledger.connection
        raise Superseded(
            "ledger",
            "start an update",
            connection=name,
            rotation=rotation.id,
            phase=rotation.phase,
            begun=rotation.begun.isoformat(timespec="seconds"),
            advice=f"A rotation of this connection has not ended. Finish it: account-rotation rotate {name} "
            f"--finish; or give it up where that is safe: account-rotation rotate {name} --abandon",
        )

    def leave_to_a_person(self) -> None:
        """Raise NeedsPerson or NotYet when a run that a schedule started is to leave the connection alone."""
        trouble = self._ledger.trouble
        if trouble is None:
            return
        facts = {
            "connection": self._ledger.connection,
            "failed_runs": trouble.cycles,
            "since": trouble.since.isoformat(timespec="seconds"),
            "outcome": trouble.outcome,
        }
        if trouble.needs_person:
            advice = (
                f"{trouble.reason}. {trouble.what_to_do} Then: account-rotation rotate "
                f"{self._ledger.connection}; a run that a person starts clears this when it ends well."
            )
            raise NeedsPerson("ledger", "start a scheduled run", advice=advice, **facts)
        if trouble.not_before > CLOCK.get().utc():
            until = trouble.not_before.isoformat(timespec="seconds")
            raise NotYet(
                "ledger",
                "start a scheduled run",
                not_before=until,
                advice="Wait; or, when the cause is gone: account-rotation rotate "
                f"{self._ledger.connection}",
                **facts,
            )

    def require(self) -> None:
        """Raise Superseded when another run has written the ledger since; changes nothing."""
        seen = self._store.fence(self._ledger.connection)
        if seen != self._ledger.fence:
            raise Superseded(
                "ledger",
                "check the fence",
                connection=self._ledger.connection,
                ours=self._ledger.fence,
                seen=seen,
                advice="A younger run works on this connection. Look at it in the Prefect UI; this one "
                "changed nothing more.",
            )

    @contextmanager
    def sign_in(
        self, account: str, label: str, *, tries: int, most: int | None, try_again: bool
    ) -> Iterator[SignInAttempt]:
        """Spend one password sign-in on an account: written down before, its verdict after.

        ``most`` wrong ones are allowed in an hour, over all versions; None leaves that to the directory's
        own policy. A refused version may be tried ``tries`` times in all, a minute apart, one whose verdict was
        lost twice in an hour, unless ``try_again``. Raises SignInRefused or BudgetSpent before anything is sent.
        """
        if not try_again:
            self._forbid_known(account, label, tries)
        # The same wrong password again counts once: only others decide whether this one has room.
        others = tuple(item for item in self._ledger.attempts if item.label != label)
        among = self._ledger.model_copy(update={"attempts": others})
        spent = among.wrong_since(account, CLOCK.get().utc() - COUNTS_FOR)
        if most is not None and spent >= most:
            raise BudgetSpent(
                "ledger",
                "sign in",
                account=account,
                wrong_in_an_hour=spent,
                most=most,
                advice="More wrong sign-ins could lock the account. Find out who writes wrong passwords "
                "to Vault, wait an hour, then start the update again; no sign-in was spent.",
            )
        attempt = Attempt(account=account, label=label, at=CLOCK.get().utc(), outcome="begun")
        self._write(self._ledger.begin_attempt(attempt))
        made = SignInAttempt()
        try:
            yield made
        except SignInRefused as refused:
            wrong = refused.reason is SignInReason.WRONG_PASSWORD
            self._end("wrong password" if wrong else "no verdict")
            raise
        except RotationError:
            self._end("no verdict")
            raise
        self._end(made.outcome)

    def applied(self, account: str, label: str, step: Phase) -> None:
        """Write down what the console holds since this step, also as part of a rotation."""
        now, ledger = CLOCK.get().utc(), self._ledger
        shown = ledger.applied.shown_as(label) if ledger.applied else label
        entered_as = shown if shown != label else None
        change: dict[str, Any] = {
            "applied": Applied(account=account, label=label, at=now, entered_as=entered_as),
            "in_use": account,
        }
        rotation = ledger.rotation
        if rotation and rotation.pending and rotation.pending.secret.label == label:
            entered = rotation.entered_at or now
            change["rotation"] = rotation.model_copy(update={"phase": step, "entered_at": entered})
        self.change(**change)

    def change(self, **fields: Any) -> None:
        """Write changed fields of the ledger; raises Superseded when another run wrote it since."""
        self._write(self._ledger.model_copy(update=fields))

    def advance(self, phase: Phase, **fields: Any) -> None:
        """Write down that the rotation has come so far, with changed fields of it."""
        rotation = self.under_way.model_copy(update={"phase": phase, **fields})
        self.change(rotation=rotation)

    def finish(
        self,
        outcome: str,
        findings: Iterable[str],
        *,
        verified: bool,
        last_run: LastRun | None = None,
        consent: KeptConsent | None = None,
    ) -> None:
        """Write down how the run ended and let go of the connection."""
        now, codes = CLOCK.get().utc(), tuple(findings)
        left = self._ledger.test_users
        if TEST_USER_LEFT in codes:
            left = left or now
        elif self.swept:
            left = None
        ended = self._ledger.finish(
            outcome, codes, now, verified=verified, last_run=last_run, consent=consent
        )
        self._write(ended.model_copy(update={"test_users": left}))

    def _forbid_known(self, account: str, label: str, tries: int) -> None:
        now = CLOCK.get().utc()
        # A verdict that was lost an hour ago says nothing, and counts in no directory any more.
        attempts = tuple(
            item
            for item in self._ledger.attempts
            if item.outcome != "begun" or now - item.at < COUNTS_FOR
        )
        recent = self._ledger.model_copy(update={"attempts": attempts})
        known = recent.refused(label, account, tries=tries, now=now)
        if known is None:
            return
        lost = known.outcome == "begun"
        said = "was tried twice, without a verdict," if lost else "was refused"
        wait = "Wait an hour, then start again. Or: " if lost else ""
        raise SignInRefused(
            "ledger",
            "sign in",
            reason=SignInReason.OTHER if lost else SignInReason.WRONG_PASSWORD,
            account=account,
            version=label,
            since=known.at.isoformat(timespec="seconds"),
            advice=f"This version {said} before, so no sign-in was spent on it now. {wait}Write the right "
            "password to Vault as a new version; or, where the directory was corrected instead, start "
            "the update with --try-again.",
        )

    def _end(self, outcome: str) -> None:
        self._write(self._ledger.end_attempt(outcome))

    def _write(self, ledger: Ledger) -> None:
        self._ledger = self._store.write(ledger)
