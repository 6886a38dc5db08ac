"""What the stand-ins were asked during one update, from their own journals."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sandbox.world import World

Calls = dict[str, list[str]]
"""Per system, the calls in the order in which they were met."""


def forget(world: World) -> None:
    """Empty every journal."""
    for stand_in in world.stand_ins().values():
        stand_in.forget()


def calls(world: World) -> Calls:
    """Return what each system was asked since the journals were emptied; systems not asked are left out."""
    met = {name: [_call(e) for e in item.journal()] for name, item in world.stand_ins().items()}
    return {name: found for name, found in met.items() if found}


def without_ledger(found: Calls) -> Calls:
    """Leave out the ledger's calls to Vault: a plain script keeps no ledger, everything else is shared."""
    return {
        system: [call for call in asked if "/rotation/" not in call]
        for system, asked in found.items()
    }


def _call(entry: dict[str, Any]) -> str:
    """Say what was asked, by whom and how it ended, without what differs between any two runs."""
    detail = entry["detail"]
    parts = (
        entry["route"],
        detail.get("who") or detail.get("client"),
        detail.get("operation"),
        _place(detail.get("path")),
        f"-> {entry['outcome']}",
    )
    return " ".join(str(part) for part in parts if part)


def _place(path: object) -> str | None:
    """Return which secret of Vault was meant; other paths hold ids that are new in each run."""
    marks = ("/data/", "/metadata/")
    return path if isinstance(path, str) and any(mark in path for mark in marks) else None


def counted(found: Calls) -> dict[str, dict[str, int]]:
    """Return how often each system was asked what, most often first; ``total`` comes before all."""
    table: dict[str, dict[str, int]] = {}
    for system, asked in found.items():
        routes = Counter(call.split()[0] for call in asked)
        table[system] = {"total": len(asked), **dict(routes.most_common())}
    return table
