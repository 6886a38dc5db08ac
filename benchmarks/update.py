"""``python -m benchmarks.update``: what the orchestration costs, and how fast an update is.

A is the flow ``update_account_credentials``, B a plain script that makes the same calls (``benchmarks/plain.py``).
Both run by turns in processes that stay warm, on one sandbox with a real Prefect server. No limit is checked:
numbers from a shared machine would make a test that fails by chance.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from benchmarks.measure import measure, summary
from sandbox.demo import sandbox_with_prefect

OUTPUT = Path(__file__).parents[1] / "build" / "bench.json"
_ROWS = (
    ("whole update, flow (A)", "update_flow", "s"),
    ("whole update, script (B)", "update_script", "s"),
    ("A / B, pair by pair", "ratio", ""),
    ("A - B, pair by pair", "flow_minus_script", "s"),
    ("A outside its steps (Prefect, inventory)", "flow_outside_steps", "s"),
    ("  of that: before the flow's body starts", "flow_before_body", "s"),
    ("  of that: after the flow's body has ended", "flow_after_body", "s"),
    ("processor time of A", "flow_cpu", "s"),
    ("processor time of B", "script_cpu", "s"),
    ("import of cli.main", "import_cli.main", "s"),
    ("import of cli.running (with Prefect)", "import_cli.running", "s"),
    ("`account-rotation update` typed to finished", "cold_update", "s"),
)


def show(console: Console, result: dict[str, Any]) -> None:
    """Print every figure as text."""
    on = result["machine"]
    console.print(
        f"{on['date']}: {on['cores']} cores, {on['memory_gib']} GiB, Python {on['python']}, "
        f"Prefect {on['prefect']}, load before {on['load_before']}, everything on loopback"
    )
    _figures(console, result)
    _steps(console, result)
    _calls(console, result)


def _figures(console: Console, result: dict[str, Any]) -> None:
    table = _table("figure", "p50", "min", "max", "runs")
    for title, name, unit in _ROWS:
        row = result["figures"][name]
        shown = (f"{row[part]:.2f} {unit}".strip() for part in ("p50", "min", "max"))
        table.add_row(title, *shown, str(row["count"]))
    console.print(table)
    peak, taken = result["peak_mib"], result["import_seconds"]
    console.print(f"most memory held: A {peak['flow']:.0f} MiB, B {peak['script']:.0f} MiB")
    console.print(
        f"imports before the first update: A {taken['flow']:.2f} s, B {taken['script']:.2f} s"
    )


def _steps(console: Console, result: dict[str, Any]) -> None:
    table = _table("step, slowest first", "p50", "min", "max")
    for row in result["steps"]:
        shown = (f"{1000 * row[part]:.0f} ms" for part in ("p50", "min", "max"))
        table.add_row(f"{row['step']:>3} {row['title']}", *shown)
    console.print(table)


def _calls(console: Console, result: dict[str, Any]) -> None:
    table = _table("calls that each system got in one update", "A", "B")
    calls = result["calls"]
    for system, routes in calls["flow"].items():
        other = calls["script"].get(system, {})
        for route, count in routes.items():
            title = system if route == "total" else f"  {route}"
            table.add_row(title, str(count), str(other.get(route, 0)))
    console.print(table)
    same = (
        "the same calls in the same order, but for the ledger"
        if calls["same"]
        else "NOT the same calls: unfair"
    )
    console.print(f"A and B made {same}.")


def _table(first: str, *others: str) -> Table:
    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def main() -> None:
    """Read the command line, measure, print, and write ``build/bench.json``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.update", description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="pairs of A and B (7)")
    parser.add_argument("--cold", type=int, default=5, help="cold starts and imports (5)")
    arguments = parser.parse_args()
    console = Console(highlight=False, markup=False, width=100)
    if min(arguments.runs, arguments.cold) < 1:
        parser.error("at least one run is needed")
    console.print("Starting the sandbox and a real Prefect server ...")
    with (
        tempfile.TemporaryDirectory(prefix="account-rotation-") as folder,
        sandbox_with_prefect(Path(folder)) as (world, _),
    ):
        result = summary(measure(world, arguments.runs, arguments.cold))
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(result, indent=2) + "\n")
    show(console, result)
    console.print("All measurements: build/bench.json")


if __name__ == "__main__":
    main()
