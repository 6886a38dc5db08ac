"""What happened in one run, step by step, as plain data that holds no secret.

The step decorator writes here; the report and the terminal read. The record lives for one run of a flow
body: a resumed run starts a new one, and meets the steps that are already so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from connectors.active_directory.models import RightCheck
from connectors.entra.models import ConsentReview
from connectors.entra.remediation import RemediationPlan
from connectors.errors import RotationError
from connectors.models import Finding
from report.procedure import Step


class Result(StrEnum):
    """How a step ended."""

    DONE = "done"
    ALREADY_SO = "skipped (already so)"
    RETRYING = "retrying"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished attempt at a step. ``evidence`` is a sentence of identifiers and facts."""

    number: str  # with a trailing "u" for an undo
    title: str
    connection: str | None
    result: Result
    started: datetime
    seconds: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Gap:
    """How long the console held a password that the directory no longer had as its newest.

    ``seconds`` None: there was none, because the account in use was not touched. ``at_most``: the run was
    cut off in between, so that the true gap is shorter.
    """

    account: str
    seconds: float | None
    at_most: bool = False
    since: datetime | None = None  # when the password was set

    def __str__(self) -> str:
        if self.seconds is None:
            return f"none: the account in use was not touched ({self.account} took its turn)"
        bound = "at most " if self.at_most else ""
        return (
            f"for {bound}{self.seconds:.2f} s the console held the previous password of {self.account} "
            "(from setting the new one to saving it)"
        )


@dataclass(frozen=True, slots=True)
class Wait:
    """A time in which the run was suspended, or not started again after it, because a person was asked."""

    started: datetime
    seconds: float


@dataclass(eq=False)
class ConnectionRecord:
    """What concerns one connection of the run."""

    name: str
    asked: str  # what was asked for, in a sentence
    steps: tuple[Step, ...]  # of the procedure, those that apply to it
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    consent: ConsentReview | None = None
    rights: tuple[RightCheck, ...] = ()
    error: RotationError | None = None
    gap: Gap | None = None
    plan: RemediationPlan | None = None  # what would repair the consent

    def find(self, *findings: Finding) -> None:
        """Add findings, each once."""
        self.findings.extend(item for item in findings if item not in self.findings)

    def withdraw(self, *findings: Finding) -> None:
        """Take findings back, because what they tell of is not so any more."""
        self.findings[:] = [item for item in self.findings if item not in findings]

    def leave_unchecked(self, what: str) -> None:
        """Say once what was not checked, and why."""
        if what not in self.unchecked:
            self.unchecked.append(what)


Listener = Callable[[Entry], None]


@dataclass
class RunRecord:
    """One run: its shared entries (P1), its connections, and who wants to hear of progress."""

    flow: str
    run_id: str
    service: str
    dry_run: bool
    verifying: bool = False  # a dry run whose end is written down
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    entries: list[Entry] = field(default_factory=list)
    connections: list[ConnectionRecord] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    current: ConnectionRecord | None = None
    error: RotationError | None = None  # of the run itself: its evidence could not be kept

    def add(self, entry: Entry) -> None:
        """Keep an entry where it belongs and tell the listener."""
        (self.current.entries if self.current else self.entries).append(entry)
        listener = _listener.get()
        if listener:
            listener(entry)

    @contextmanager
    def working_on(self, connection: ConnectionRecord) -> Iterator[ConnectionRecord]:
        """Collect what the steps inside do for one connection; enter again to go on with it."""
        if connection not in self.connections:
            self.connections.append(connection)
        before, self.current = self.current, connection
        try:
            yield connection
        finally:
            self.current = before

    def here(self) -> ConnectionRecord:
        """Return the record of the connection that is being worked on."""
        if self.current is None:
            raise LookupError("no connection is being worked on")
        return self.current


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_record: ContextVar[RunRecord | None] = ContextVar("record", default=None)
_finished: ContextVar[Callable[[RunRecord], None] | None] = ContextVar("finished", default=None)


@contextmanager
def listening(
    to_entries: Listener, to_the_end: Callable[[RunRecord], None] | None = None
) -> Iterator[None]:
    """Hear every entry of runs started inside, and each whole record at its end."""
    entry_token, end_token = _listener.set(to_entries), _finished.set(to_the_end)
    try:
        yield
    finally:
        _listener.reset(entry_token)
        _finished.reset(end_token)


@contextmanager
def recording(record: RunRecord) -> Iterator[RunRecord]:
    """Make this the record that steps write to."""
    token = _record.set(record)
    try:
        yield record
    finally:
        _record.reset(token)
        heard = _finished.get()
        if heard:
            heard(record)


def current_record() -> RunRecord:
    """Return the record of the run that is going on; LookupError outside a run."""
    record = _record.get()
    if record is None:
        raise LookupError("no run is being recorded; call steps from a flow")
    return record
