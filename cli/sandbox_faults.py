"""Arm, list and clear the faults of a running sandbox, over the control port of each stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from rich.table import Table
from rich.text import Text

from cli.output import screen, write_json
from cli.sandbox_memory import stand_ins
from connectors.errors import InvalidInput, Unreachable

_SHOWN = ("id", "route", "kind", "times", "skip", "status", "retry_after", "seconds")


def show_all(*, as_json: bool) -> None:
    """Print the faults that are still armed, and how many calls are held."""
    faults, held = [], {}
    for system, place in stand_ins().items():
        faults += [_data(system, fault) for fault in _ask(system, place, "GET", "/faults")]
        held[system] = len(_ask(system, place, "GET", "/held"))
    if as_json:
        write_json({"faults": faults, "held": [{"system": n, "calls": c} for n, c in held.items()]})
        return
    console = screen()
    if faults:
        table = Table(box=None)
        for column in ("system", "no.", "route", "kind", "meets", "after", "more"):
            table.add_column(column, overflow="fold")
        for fault in faults:
            table.add_row(*_row(fault))
        console.print(table)
    else:
        console.print("No fault is armed.")
        console.print(Text(f"Systems: {', '.join(held)}", "dim"))
    for system, count in held.items():
        if count:
            console.print(f"{system} holds {count} call{'s' * (count > 1)}.", style="yellow")


def arm(system: str, fault: Mapping[str, Any], *, as_json: bool) -> None:
    """Arm a fault; raises InvalidInput for a system that the sandbox does not have."""
    place = _place(system)
    _ask(system, place, "POST", "/faults", fault)
    armed = _data(system, _ask(system, place, "GET", "/faults")[-1])
    if as_json:
        write_json(armed)
        return
    times = armed["times"]
    calls = f"{times} call{'s' * (times != 1)}" if times else "every call"
    passing = f", after {armed['skip']}" if armed["skip"] else ""
    screen().print(
        Text(f"{system}: {calls} of {armed['route']} will meet {armed['kind']}{passing}.")
    )


def clear(system: str | None, *, as_json: bool) -> None:
    """Clear the faults of one stand-in, or of all, and let go on what they hold."""
    chosen = {system: _place(system)} if system else stand_ins()
    cleared = released = 0
    for name, place in chosen.items():
        cleared += len(_ask(name, place, "GET", "/faults"))
        _ask(name, place, "DELETE", "/faults")
        released += len(_ask(name, place, "GET", "/held"))
        _ask(name, place, "POST", "/release")
    if as_json:
        write_json({"cleared": cleared, "released": released})
        return
    calls = f", {released} held call{'s' * (released != 1)} let go" if released else ""
    screen().print(f"{cleared} fault{'s' * (cleared != 1)} cleared{calls}.")


def _place(system: str) -> Mapping[str, str]:
    known = stand_ins()
    if system not in known:
        raise InvalidInput(
            "sandbox",
            "find the stand-in",
            stand_in=system,
            advice=f"Name one of: {', '.join(known)}.",
        )
    return known[system]


def _ask(
    system: str,
    place: Mapping[str, str],
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
) -> Any:
    try:
        with httpx.Client(base_url=place["control"], timeout=10, trust_env=False) as client:
            answer = client.request(method, path, json=body)
    except httpx.HTTPError:
        problem = Unreachable(
            "sandbox",
            f"{method} {path}",
            stand_in=system,
            advice="The sandbox has ended. Start it again: account-rotation sandbox up --detach",
        )
    else:
        if answer.is_success:
            return answer.json()
        raise InvalidInput(
            "sandbox",
            "arm the fault",
            stand_in=system,
            status=answer.status_code,
            advice="The stand-in does not know such a fault; compare with account-rotation sandbox faults set --help",
        )
    raise problem


def _data(system: str, fault: Mapping[str, Any]) -> dict[str, Any]:
    return {"system": system, **{name: fault.get(name) for name in _SHOWN}}


def _row(fault: Mapping[str, Any]) -> list[str | Text]:
    kind, times = fault["kind"], fault["times"]
    more = [f"status {fault['status']}"] if kind in ("status", "status_after", "html") else []
    more += [f"Retry-After {fault['retry_after']} s"] if fault["retry_after"] is not None else []
    more += [f"{fault['seconds']} s"] if fault["seconds"] else []
    meets = f"{times} call{'s' * (times != 1)}" if times else "every call"
    passing = f"{fault['skip']} more" if fault["skip"] else "-"
    return [
        fault["system"],
        str(fault["id"]),
        Text(fault["route"]),
        Text(kind),
        meets,
        passing,
        ", ".join(more),
    ]
