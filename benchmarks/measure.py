"""Runs both sides by turns on one sandbox, and gathers what was measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import journals
from benchmarks.figures import differences, ratios, spread
from sandbox.world import World

SERVICE = "hq"
_ROOT = Path(__file__).parents[1]


class Side:
    """One side of the comparison, running."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ready = self._answer()

    def update(self) -> dict[str, Any]:
        """Let it do one update; RuntimeError when that did not end well."""
        assert self._process.stdin
        self._process.stdin.write(f"{SERVICE}\n")
        self._process.stdin.flush()
        answer = self._answer()
        if answer["ended"] != "Ready":
            raise RuntimeError(f"the update ended {answer['ended']!r}; nothing can be compared")
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("one side of the comparison ended; its message is above")
        return dict(json.loads(line))


@dataclass
class Measured:
    """Everything that one benchmark measured, in seconds and MiB; lists are in the order measured."""

    machine: dict[str, Any]
    flow: list[dict[str, Any]] = field(default_factory=list)
    script: list[dict[str, Any]] = field(default_factory=list)
    flow_ready: dict[str, Any] = field(default_factory=dict)
    script_ready: dict[str, Any] = field(default_factory=dict)
    flow_calls: journals.Calls = field(default_factory=dict)
    script_calls: journals.Calls = field(default_factory=dict)
    imports: dict[str, list[float]] = field(default_factory=dict)
    cold: list[float] = field(default_factory=list)


def machine() -> dict[str, Any]:
    """Say what the numbers were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory),
        "python": platform.python_version(),
        "prefect": version("prefect"),
        "load_before": round(os.getloadavg()[0], 2),
    }


def environment(world: World) -> dict[str, str]:
    """Return the environment of both sides: the sandbox's, and no setting of whoever runs this."""
    ours = ("PREFECT_", "ROTATION_")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return plain | world.environment | {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}


@contextmanager
def side(kind: str, world: World) -> Iterator[Side]:
    """Start one side: ``flow`` or ``script``."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.side", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        env=environment(world),
    ) as process:
        yield Side(process)


def rotate(world: World) -> None:
    """Give both accounts new passwords behind the console's back, so that every run has the same to do."""
    world.rotate_ad(SERVICE)
    world.rotate_entra(SERVICE)
    journals.forget(world)


def one(world: World, chosen: Side) -> tuple[dict[str, Any], journals.Calls]:
    """Rotate, let one side update, and return what it says and what the systems were asked."""
    rotate(world)
    answer = chosen.update()
    return answer, journals.calls(world)


def measure(world: World, runs: int, cold_runs: int) -> Measured:
    """Measure everything: the sides by turns after one warm-up each, then imports, then cold starts."""
    measured = Measured(machine())
    with side("flow", world) as flow, side("script", world) as script:
        measured.flow_ready, measured.script_ready = flow.ready, script.ready
        one(world, flow)
        one(world, script)
        for _ in range(runs):
            answer, measured.flow_calls = one(world, flow)
            measured.flow.append(answer)
            answer, measured.script_calls = one(world, script)
            measured.script.append(answer)
    for module in ("cli.main", "cli.running"):
        measured.imports[module] = [_import(module, world) for _ in range(cold_runs)]
    measured.cold = [_cold(world) for _ in range(cold_runs)]
    return measured


def _import(module: str, world: World) -> float:
    """Import a module in a fresh process; return the seconds that the import itself took."""
    code = f"import time; b = time.perf_counter(); import {module}; print(time.perf_counter() - b)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=_ROOT, env=environment(world), stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return float(done.stdout)


def _cold(world: World) -> float:
    """Type the command and wait for its end, as a person would."""
    rotate(world)
    command = [str(Path(sys.executable).with_name("account-rotation")), "update", SERVICE]
    began = time.perf_counter()
    subprocess.run(
        command, cwd=_ROOT, env=environment(world), stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - began


def summary(measured: Measured) -> dict[str, Any]:
    """Return the figures and the raw measurements as plain data."""
    flow, script = ([run["seconds"] for run in runs] for runs in (measured.flow, measured.script))
    outside = [run["seconds"] - sum(step[2] for step in run["steps"]) for run in measured.flow]
    figures = {
        "update_flow": flow,
        "update_script": script,
        "ratio": ratios(flow, script),
        "flow_minus_script": differences(flow, script),
        "flow_outside_steps": outside,
        "flow_before_body": [run["before_body"] for run in measured.flow],
        "flow_after_body": [run["after_body"] for run in measured.flow],
        "flow_cpu": [run["cpu_seconds"] for run in measured.flow],
        "script_cpu": [run["cpu_seconds"] for run in measured.script],
        "cold_update": measured.cold,
        **{f"import_{name}": taken for name, taken in measured.imports.items()},
    }
    return {
        "machine": measured.machine,
        "figures": {name: asdict(spread(values)) for name, values in figures.items()},
        "measurements": figures,
        "steps": _steps(measured.flow),
        "peak_mib": {
            "flow": measured.flow[-1]["peak_mib"],
            "script": measured.script[-1]["peak_mib"],
        },
        "import_seconds": {
            "flow": measured.flow_ready["import_seconds"],
            "script": measured.script_ready["import_seconds"],
        },
        "calls": {
            "flow": journals.counted(measured.flow_calls),
            "script": journals.counted(measured.script_calls),
            "same": journals.without_ledger(measured.flow_calls) == measured.script_calls,
        },
    }


def _steps(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the spread of each step over all runs, slowest first."""
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    for run in runs:
        for number, title, seconds in run["steps"]:
            taken[number, title].append(seconds)
    rows = [
        {"step": number, "title": title, **asdict(spread(values))}
        for (number, title), values in taken.items()
    ]
    return sorted(rows, key=lambda row: -float(str(row["p50"])))
