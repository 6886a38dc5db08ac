"""Runs over many connections: look at all, act on those that are due, one after the other, and show a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from connectors.errors import RotationError
from inventory.wiring import open_inventory, open_systems
from tasks._step import unexpected
from tasks.due import Judge, Standing, standings

Act = Callable[[Standing], State[Any]]


def over_the_fleet(
    name: str, services: Sequence[str] | None, judge: Judge, act: Act | None
) -> State[None]:
    """Act on every connection that is due; return a state that names what each came to.

    One console is one screen, so nothing runs at the same time. ``act`` None: only look. The table is the
    artifact ``name``.
    """
    try:
        inventory = open_inventory()
        with open_systems(inventory) as systems:
            seen = standings(systems, inventory, services, judge)
    except RotationError as error:
        problem = error.sealed()
    except Exception as error:  # noqa: BLE001  its text must not get out
        problem = unexpected(f"flow {name}", error)
    else:
        ends = {item.connection: _end(item, act) for item in seen if item.due.acts}
        _show(name, seen, ends)
        return _state(seen, ends)
    return Failed(name=type(problem).__name__, message=f"{problem}. {problem.what_to_do()}")


def _end(standing: Standing, act: Act | None) -> State[Any] | None:
    return act(standing) if act else None


def _show(name: str, seen: Sequence[Standing], ends: dict[str, State[Any] | None]) -> None:
    rows = []
    for item in seen:
        end = ends.get(item.connection)
        rows.append(item.row() | {"this run": (end.name or "") if end else "-"})
    create_table_artifact(
        table=rows, key=name.replace("_", "-"), description="What is due for each connection."
    )


def _state(seen: Sequence[Standing], ends: dict[str, State[Any] | None]) -> State[None]:
    told = [f"{name}: {end.name if end else 'due'}" for name, end in ends.items()]
    told += [f"{s.connection}: {s.due.value}" for s in seen if not s.due.acts and s.why]
    failed = any(end is not None and not end.is_completed() for end in ends.values())
    message = "; ".join(told) or f"{len(seen)} connections, nothing is due"
    if failed:
        return Failed(name="Some failed", message=message)
    return Completed(name="Reconciled", message=message)
