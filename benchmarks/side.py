"""One side of the comparison in a process of its own that stays warm between updates.

``python -m benchmarks.side flow`` or ``... script``: says in one line of JSON how long its imports took, then
updates the service that each line of its input names and says how that went.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[str], dict[str, Any]]


def flow_side() -> Run:
    """Return a function that runs the flow and hands over its steps."""
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415  the import is measured

    from flows.update_account_credentials import update_account_credentials  # noqa: PLC0415
    from report.record import RunRecord, listening  # noqa: PLC0415

    def run(service: str) -> dict[str, Any]:
        records: list[RunRecord] = []
        ends: list[float] = []

        def at_the_end(record: RunRecord) -> None:
            records.append(record)
            ends.append(time.perf_counter())

        began, worked, when = time.perf_counter(), time.process_time(), time.time()
        with listening(lambda _: None, at_the_end):
            state = update_account_credentials(service, return_state=True)
        answer = _times(began, worked)
        answer["after_body"] = time.perf_counter() - ends[0]
        # Logs go to Prefect for up to two seconds more; that must not disturb the other side.
        APILogWorker.drain_all(timeout=30)
        (record,) = records
        answer["before_body"] = record.started.timestamp() - when
        entries = [*record.entries, *(e for c in record.connections for e in c.entries)]
        steps = [[entry.number, entry.title, entry.seconds] for entry in entries]
        return {**answer, "ended": state.name, "steps": steps}

    return run


def script_side() -> Run:
    """Return a function that runs the plain script."""
    from benchmarks import plain  # noqa: PLC0415  the import is measured

    def run(service: str) -> dict[str, Any]:
        began, worked = time.perf_counter(), time.process_time()
        plain.update(service)
        return {**_times(began, worked), "ended": "Ready", "steps": []}

    return run


def _times(began: float, worked: float) -> dict[str, Any]:
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - worked,
    }


def peak_mebibytes() -> float:
    """Return the most memory that this process has held, as Linux counts it.

    NOTE: not ``ru_maxrss``, which a process inherits from the one that started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def main(kind: str) -> None:
    """Import, say so, and work until the input ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints elsewhere must not mix with the answers
    began = time.perf_counter()
    run = {"flow": flow_side, "script": script_side}[kind]()
    ready = {
        "import_seconds": time.perf_counter() - began,
        "prefect": any(name.partition(".")[0] == "prefect" for name in sys.modules),
    }
    print(json.dumps(ready), file=out, flush=True)
    for line in sys.stdin:
        answer = run(line.strip())
        print(json.dumps({**answer, "peak_mib": peak_mebibytes()}), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
