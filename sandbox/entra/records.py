"""Objects that become visible late: every write is kept, and a reader sees those old enough."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.standin.control import Control

Record = dict[
    str, Any
]  # what Graph shows, plus fields with a leading underscore that it never shows
_KEPT = 20


@dataclass
class Replication:
    """How late writes become visible, in seconds; ``index`` more for ConsistencyLevel: eventual."""

    control: Control
    seconds: float = 0.0
    index: float = 0.0
    writes: bool = False  # whether PATCH and DELETE also miss objects that are not visible yet


class Records:
    """Objects of one kind by id."""

    def __init__(self, replication: Replication) -> None:
        self._replication = replication
        self._versions: dict[str, list[tuple[float, Record | None]]] = {}

    def clear(self) -> None:
        """Forget every object."""
        self._versions.clear()

    def put(self, key: str, record: Record) -> None:
        """Write an object; readers see it once the lag of this moment has passed."""
        self._add(key, copy.deepcopy(record))

    def change(self, key: str, **fields: Any) -> None:
        """Write some fields of an object."""
        self._add(key, {**self.get(key), **copy.deepcopy(fields)})

    def remove(self, key: str) -> None:
        """Take an object away; readers see it until the lag has passed."""
        self._add(key, None)

    def _add(self, key: str, record: Record | None) -> None:
        versions = self._versions.setdefault(key, [])
        versions.append((self._replication.control.now() + self._replication.seconds, record))
        del versions[:-_KEPT]

    def get(self, key: str) -> Record:
        """Return the newest version, seen or not; raise KeyError when there is none."""
        versions = self._versions.get(key)
        if not versions or versions[-1][1] is None:
            raise KeyError(key)
        return copy.deepcopy(versions[-1][1])

    def seen(self, key: str, *, index: bool = False) -> Record | None:
        """Return the version that a reader sees now."""
        moment = self._replication.control.now() - (self._replication.index if index else 0)
        for visible_at, record in reversed(self._versions.get(key, [])):
            if visible_at <= moment:
                return copy.deepcopy(record)
        return None

    def all(self) -> Iterator[Record]:
        """Go through the newest versions."""
        for versions in list(self._versions.values()):
            if versions[-1][1] is not None:
                yield copy.deepcopy(versions[-1][1])

    def all_seen(self, *, index: bool = False) -> Iterator[Record]:
        """Go through what a reader sees now."""
        for key in list(self._versions):
            record = self.seen(key, index=index)
            if record is not None:
                yield record
