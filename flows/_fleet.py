"""Runs over many connections: look at all, act on those that are due, one after the other, and show a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prefect import Flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed, Scheduled

from connectors.errors import RotationError
from connectors.protocols import Systems
from flows import asking
from flows._others import start
from inventory.models import Inventory
from inventory.wiring import open_inventory, open_systems
from report.due import Judge
from tasks._step import unexpected
from tasks.due import Standing, standings

STARTED, NOT_STARTED = "Started", "Not started"

Act = Callable[[Standing], State[Any]]
Tidy = Callable[[Systems, Inventory, str], str]


def over_the_fleet(
    name: str,
    services: Sequence[str] | None,
    judge: Judge,
    act: Act | None,
    tidy: Tidy | None = None,
) -> State[None]:
    """Act on every connection that is due; return a state that names what each came to.

    One console is one screen, so nothing runs at the same time. ``act`` None: only look. ``tidy`` is called for
    connections that a run left test users for, and that no run is started for now. The table is the artifact
    ``name``.
    """
    try:
        inventory = open_inventory()
        with open_systems(inventory) as systems:
            seen = standings(systems, inventory, services, judge)
            tidied = {
                item.connection: tidy(systems, inventory, item.connection)
                for item in seen
                if tidy and item.left_behind and not item.due.acts
            }
    except RotationError as error:
        problem = error.sealed()
    except Exception as error:  # noqa: BLE001  its text must not get out
        problem = unexpected(f"flow {name}", error)
    else:
        ends = {item.connection: _end(item, act) for item in seen if item.due.acts}
        _show(name, seen, ends, tidied)
        return _state(seen, ends, tidied)
    return Failed(name=type(problem).__name__, message=f"{problem}. {problem.what_to_do()}")


def _end(standing: Standing, act: Act | None) -> State[Any] | None:
    return act(standing) if act else None


def carry_out(
    flow: Flow[..., State[None]], deployment: str, standing: Standing, **parameters: Any
) -> State[Any]:
    """Run a flow here and return its end; where a person is to be asked, start a run of its own.

    Prefect suspends no run within another one. Whoever sits at the terminal of this run is asked at once.
    """
    if not (standing.in_person and asking.suspends()):
        return flow(**parameters, return_state=True)
    try:
        mine = f"{flow_run.get_id()}-{standing.connection}"
        start(f"{flow.name}/{deployment}", parameters, mine)
    except RotationError as problem:
        return Failed(name=NOT_STARTED, message=f"{problem}. {problem.what_to_do()}")
    return Scheduled(name=STARTED)


def _show(
    name: str,
    seen: Sequence[Standing],
    ends: dict[str, State[Any] | None],
    tidied: dict[str, str],
) -> None:
    rows = []
    for item in seen:
        end = ends.get(item.connection)
        this_run = (end.name or "") if end else "-"
        left = tidied.get(item.connection, "-")
        rows.append(item.row() | {"this run": this_run, "test users": left})
    create_table_artifact(
        table=rows, key=name.replace("_", "-"), description="What is due for each connection."
    )


def _state(
    seen: Sequence[Standing], ends: dict[str, State[Any] | None], tidied: dict[str, str]
) -> State[None]:
    told = [f"{name}: {_said(end)}" for name, end in ends.items()]
    told += [f"{s.connection}: {s.due.value}" for s in seen if not s.due.acts and s.why]
    told += [f"test users of {name}: {said}" for name, said in tidied.items()]
    failed = any(end and end.is_final() and not end.is_completed() for end in ends.values())
    message = "; ".join(told) or f"{len(seen)} connections, nothing is due"
    if failed:
        return Failed(name="Some failed", message=message)
    return Completed(name="Reconciled", message=message)


def _said(end: State[Any] | None) -> str:
    if end is None:
        return "due"
    if end.name == STARTED:
        return "a run of its own asks a person"
    return (
        f"{end.name}: {(end.message or '').rstrip('.')}"
        if end.name == NOT_STARTED
        else str(end.name)
    )
