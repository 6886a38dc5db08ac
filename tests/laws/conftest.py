"""How many kill points one run of the tests tries: all of them, or each day another share.

A matrix of several hundred processes that are killed takes minutes. ``make laws`` and ``make test-long`` try it whole;
``make test`` tries one in eight, chosen by the day, so that eight days in a row have seen everything.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime

import pytest

MATRICES = "_survives_a_kill.py"
# Set here, in the process that starts the workers, so that all of them choose alike.
os.environ.setdefault("KILLS_DAY", datetime.now(UTC).date().isoformat())
os.environ.setdefault("KILLS_SHARE", "1")


def tried(nodeid: str, share: int, day: str) -> bool:
    """Say whether a case of a matrix is tried on this day, where one in ``share`` is."""
    digest = hashlib.sha256(nodeid.encode()).digest()
    return (int.from_bytes(digest[:4]) + datetime.fromisoformat(day).toordinal()) % share == 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases of the kill matrices that are not this day's."""
    share, day = int(os.environ["KILLS_SHARE"]), os.environ["KILLS_DAY"]
    left = [
        item
        for item in items
        if MATRICES in item.nodeid
        and hasattr(item, "callspec")
        and not tried(item.nodeid, share, day)
    ]
    if left:
        config.hook.pytest_deselected(items=left)
        gone = set(left)
        items[:] = [item for item in items if item not in gone]
