"""What becomes of errors, and the state that a run ends in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from connectors.errors import RotationError
from report.record import RunRecord
from report.verdict import outcome_of, worst_of
from tasks._step import unexpected


@contextmanager
def kept(flow: str, keep: Callable[[RotationError], None]) -> Iterator[None]:
    """Hand over an error instead of raising it, sealed: a foreign text may hold a secret."""
    try:
        yield
    except RotationError as error:
        keep(error.sealed())
    except Exception as error:  # noqa: BLE001  whatever it is, it ends here
        keep(unexpected(f"flow {flow}", error))


def end_state(records: Sequence[RunRecord]) -> State[None]:
    """Return the Prefect state of the worst end, by the names of report.verdict, with each connection's."""
    worst = worst_of(records)
    each = [
        f"{c.name}: {outcome_of(c, record).name}" for record in records for c in record.connections
    ]
    own = [f"run: {record.error}" for record in records if record.error]
    make = Completed if worst.succeeded else Failed
    return make(name=worst.name, message="; ".join((*each, *own)))


def key_of(asked: str) -> str:
    """Turn what somebody typed into a key that an artifact may have."""
    return re.sub(r"[^a-z0-9-]+", "-", asked.casefold())[:50].strip("-") or "unknown"
