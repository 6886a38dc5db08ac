"""Run the flows as plain functions: the steps without Prefect's tasks, on a world in memory, in milliseconds."""

from __future__ import annotations

import contextvars
import functools
import importlib
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

import flows._run
import flows.verify_connections
import tasks._artifacts
import tasks.finish
from connectors.errors import RotationError, Unreachable
from flows.rotate_account_credentials import rotate_account_credentials
from flows.update_account_credentials import update_account_credentials
from flows.verify_connections import verify_connections
from report.procedure import BY_NUMBER
from report.record import Entry, Result, RunRecord, current_record, listening
from tasks._step import STEP_OF, AlreadySo, unexpected
from tasks._wait import CLOCK
from tests.laws.saga.faults import Effect, Fault, Killed
from tests.laws.saga.shape import inventory_of
from tests.laws.saga.world import Process, World, systems_of

TRIES = 5
_here: contextvars.ContextVar[Process] = contextvars.ContextVar("process")


@dataclass(frozen=True)
class Order:
    """What is asked for: one of the flows, and its parameters."""

    flow: str
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def only_looks(self) -> bool:
        """Whether it is to change nothing."""
        return self.flow == "verify" or bool(self.asked.get("dry_run"))

    def __repr__(self) -> str:
        asked = " ".join(f"{k}={v}" for k, v in self.asked.items() if v)
        return f"{self.flow} {asked}".strip()


ROTATE, FINISH = Order("rotate"), Order("rotate", {"finish_only": True})
OVERWRITE = Order("rotate", {"overwrite": True})
ABANDON = Order("rotate", {"abandon": True})
SCHEDULED = Order("rotate", {"asked_by": "schedule"})
VERIFY = Order("verify")
DRY_ROTATE, DRY_UPDATE = Order("rotate", {"dry_run": True}), Order("update", {"dry_run": True})
UPDATE, TRY_AGAIN = Order("update"), Order("update", {"try_again": True})


@dataclass
class Ended:
    """How a run ended. ``state`` None: it was killed."""

    order: Order
    state: str | None
    record: RunRecord | None
    calls: list[str]
    error: RotationError | None = None
    name: str = ""
    was_last: bool = True
    """Whether no other run wrote the ledger after it."""

    @property
    def retired_only(self) -> bool:
        """Whether a grace period was over, and nothing else was to be done."""
        entries = self.record.connections[0].entries if self.record else []
        numbers = {entry.number for entry in entries}
        return "F3" in numbers and not numbers & {"V4", "V7"}

    def says(self, code: str) -> bool:
        """Say whether the run reported a finding."""
        findings = self.record.connections[0].findings if self.record else []
        return any(finding.code == code for finding in findings)

    def __str__(self) -> str:
        said = f": {self.error}" if self.error else ""
        return f"{self.order} -> {self.state or 'killed'} after {len(self.calls)} calls{said}"


def run(world: World, order: Order, faults: Sequence[Fault] = ()) -> Ended:
    """Carry a run out to its end, or to its death."""
    process = world.process(faults, may_change=not order.only_looks)
    return contextvars.copy_context().run(_run, process, order)


def _run(process: Process, order: Order) -> Ended:
    records: list[RunRecord] = []
    _here.set(process)
    CLOCK.set(process.world.time.of_steps())
    before = os.environ.get("PREFECT__FLOW_RUN_ID")
    os.environ["PREFECT__FLOW_RUN_ID"] = process.name
    name: str | None = None
    try:
        with listening(lambda _: None, records.append):
            name = _flow(process.world, order)
    except Killed:
        pass
    finally:
        os.environ.pop("PREFECT__FLOW_RUN_ID")
        if before is not None:
            os.environ["PREFECT__FLOW_RUN_ID"] = before
    record = records[0] if records else None
    if name is not None:
        _demand_no_defect(process.world, record)
    error = record.connections[0].error if record and record.connections else None
    for finding in record.connections[0].findings if record and record.connections else ():
        if finding.code == "vault.staged-left":
            process.world.left.add(finding.subject.rpartition("/")[2].partition("#")[0])
    was_last = process.world.writers[-1:] == [process.name]
    return Ended(order, name, record, process.line.calls, error, process.name, was_last)


def _flow(world: World, order: Order) -> str | None:
    if order.flow == "rotate":
        return rotate_account_credentials.fn(world.name, **order.asked).name
    if order.flow == "verify":
        return verify_connections.fn(["hq"]).name
    return update_account_credentials.fn("hq", [world.name], **order.asked).name


def _demand_no_defect(world: World, record: RunRecord | None) -> None:
    """An error that is none of ours, and ends up as Unknown, is a defect of ours or of this world."""
    errors = [it.error for it in record.connections] if record else []
    errors += [record.error] if record else []
    for error in errors:
        if error is not None and error.system == "orchestrator":
            world.watch.breaks(f"a defect: {error}")


def _plain(function: Callable[..., Any], number: str) -> Callable[..., Any]:
    """Return a step as a plain function: recorded, repeated when nobody answered, and sealed."""
    title = BY_NUMBER[number.removesuffix("u")].title

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for tries_left in reversed(range(TRIES)):
            try:
                answer = function(*args, **kwargs)
            except RotationError as error:
                problem = error.sealed()
            except Exception as error:  # noqa: BLE001  as the real decorator does
                _here.get().world.watch.breaks(traceback.format_exc())
                problem = unexpected(f"step {number}", error)
            else:
                already = isinstance(answer, AlreadySo)
                _keep(number, title, Result.ALREADY_SO if already else Result.DONE, answer.evidence)
                return answer.value
            again = isinstance(problem, Unreachable) and tries_left > 0
            _keep(number, title, Result.RETRYING if again else Result.FAILED, str(problem))
            if not again:
                break
            CLOCK.get().sleep(1.0)
        raise problem

    return call


def _keep(number: str, title: str, result: Result, evidence: str) -> None:
    record, clock = current_record(), CLOCK.get()
    _here.get().world.vault.demand_silence(evidence)
    name = record.current.name if record.current else None
    record.add(Entry(number, title, name, result, clock.utc(), 0.0, evidence))


def _artifact(**told: Any) -> None:
    """Take a report, or fail as Prefect's API does."""
    _here.get().world.vault.demand_silence(str(told))
    try:
        _here.get().line.call("prefect", "artifact", lambda: None, Effect.READ)
    except RotationError as error:
        away = isinstance(error, Unreachable)
    else:
        return
    if away:
        raise httpx.ConnectError("planned")
    request = httpx.Request("POST", "http://prefect")
    raise httpx.HTTPStatusError("planned", request=request, response=httpx.Response(403))


def _document(*told: Any) -> None:
    """Take the record of a run; it stands beside the reports, which fail in its place."""
    _here.get().world.vault.demand_silence(str(told))


def _event(**told: Any) -> None:
    """Take an event, which never fails for the one who sends it."""
    _here.get().world.vault.demand_silence(str(told))
    process = _here.get()
    if process.line.dead:
        raise Killed


@contextmanager
def without_prefect() -> Iterator[None]:
    """Let the flows run as plain functions on the world of the process that runs them."""
    with pytest.MonkeyPatch.context() as patch:
        for full, number in STEP_OF.items():
            module, _, name = full.rpartition(".")
            if module.startswith("tasks."):
                found = importlib.import_module(module)
                step = getattr(found, name).__wrapped__
                patch.setattr(found, name, _plain(step, number))
        for room in (flows._run, flows.verify_connections):
            patch.setattr(room, "open_inventory", lambda: inventory_of(_here.get().world.shape))
        patch.setattr(flows._run, "open_systems", lambda _: systems_of(_here.get()))
        patch.setattr(tasks._artifacts, "create_markdown_artifact", _artifact)
        patch.setattr(tasks.finish, "keep_document", _document)
        patch.setattr(tasks.finish, "waits_of_this_run", list)
        patch.setattr(tasks.finish, "emit_event", _event)
        yield
