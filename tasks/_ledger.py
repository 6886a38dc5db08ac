"""What a run does with the ledger of a connection: take the fence, spend sign-ins, write down the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from connectors.errors import (
    BudgetSpent,
    RotationError,
    SignInReason,
    SignInRefused,
    Superseded,
)
from connectors.ledger import Applied, Attempt, Holder, Ledger
from connectors.protocols import LedgerStore

HOUR = timedelta(hours=1)


class LedgerKeeper:
    """The ledger of one connection during one run.

    Every write goes against the version that was read last, so a run that was overtaken by a younger one
    finds out at its next step and ends as Superseded.
    """

    def __init__(self, store: LedgerStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    @classmethod
    def open(cls, store: LedgerStore, connection: str) -> LedgerKeeper:
        """Read the ledger; raises OutOfStep when it is not one that this version understands."""
        return cls(store, store.read(connection))

    @property
    def ledger(self) -> Ledger:
        """The ledger as this run knows it."""
        return self._ledger

    def take(self, run: str) -> None:
        """Write down that this run works on the connection; an older run is fenced off by it."""
        holder = Holder(run=run, since=datetime.now(UTC))
        self._write(self._ledger.model_copy(update={"holder": holder}))

    def leave_alone(self) -> None:
        """Raise Superseded while another run works on the connection: writing a sign-in would fence it off.

        For dry runs, which take nothing. A run that began over an hour ago is taken for dead.
        """
        holder = self._ledger.holder
        if holder is not None and holder.since > datetime.now(UTC) - HOUR:
            raise Superseded(
                "ledger",
                "start a dry run",
                connection=self._ledger.connection,
                run=holder.run,
                since=holder.since.isoformat(timespec="seconds"),
                advice="Another run works on this connection; a dry run does not disturb it. Look at that "
                "run in the Prefect UI, and start the dry run again when it has ended.",
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
    ) -> Iterator[None]:
        """Spend one password sign-in on an account: written down before, its verdict after.

        ``most`` wrong ones are allowed in an hour, over all versions; None leaves that to the directory's
        own policy. A refused version may be tried ``tries`` times in all, a minute apart, unless
        ``try_again``. Raises SignInRefused or BudgetSpent before anything is sent.
        """
        if not try_again:
            self._forbid_known(account, label, tries)
        spent = self._ledger.wrong_since(account, datetime.now(UTC) - HOUR)
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
        attempt = Attempt(account=account, label=label, at=datetime.now(UTC), outcome="begun")
        self._write(self._ledger.begin_attempt(attempt))
        try:
            yield
        except SignInRefused as refused:
            wrong = refused.reason is SignInReason.WRONG_PASSWORD
            self._end("wrong password" if wrong else "no verdict")
            raise
        except RotationError:
            self._end("no verdict")
            raise
        self._end("accepted")

    def applied(self, account: str, label: str) -> None:
        """Write down what the console holds now."""
        now = Applied(account=account, label=label, at=datetime.now(UTC))
        self._write(self._ledger.model_copy(update={"applied": now}))

    def finish(self, outcome: str, findings: Iterable[str], *, verified: bool) -> None:
        """Write down how the run ended and let go of the connection."""
        self._write(self._ledger.finish(outcome, findings, datetime.now(UTC), verified=verified))

    def _forbid_known(self, account: str, label: str, tries: int) -> None:
        known = self._ledger.refused(label, account, tries=tries, now=datetime.now(UTC))
        if known is None:
            return
        said = (
            "was refused" if known.outcome == "wrong password" else "was tried, without a verdict,"
        )
        raise SignInRefused(
            "ledger",
            "sign in",
            reason=SignInReason.WRONG_PASSWORD,
            account=account,
            version=label,
            since=known.at.isoformat(timespec="seconds"),
            advice=f"This version {said} before, so no sign-in was spent on it now. Write the right "
            "password to Vault as a new version; or, where the directory was corrected instead, start "
            "the update with --try-again.",
        )

    def _end(self, outcome: str) -> None:
        self._write(self._ledger.end_attempt(outcome))

    def _write(self, ledger: Ledger) -> None:
        self._ledger = self._store.write(ledger)
