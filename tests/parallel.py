"""How the tests are dealt out when ``-n`` asks for several workers: in groups, the long ones first.

A group stays on one worker, because its tests share systems that take seconds to start: a file of laws,
flows or unit tests, a folder of contracts or of sandbox tests. Tests on a real system are a group of their
own, so that a law that is tried on both directories uses two workers. What starts nothing needs no company.

``-n auto`` is one worker more than there are cores: a test often waits, for a disk, a schedule or another process,
and somebody else can use that time.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

SHARED_BY_FOLDER = ("tests/contracts/", "tests/sandbox/")
SHARED_BY_NOBODY = "tests/laws/saga/"
# The rooms whose tests are long begin; the many short ones fill up what is left of every worker.
ORDER = ("tests/laws/", "tests/flows/", *SHARED_BY_FOLDER)
REAL = re.compile(r"\[(?:.*-)?(samba|openbao|real)(?:-.*)?\]$")


def group_of(nodeid: str) -> str:
    """Return the name of the group that a test belongs to."""
    if nodeid.startswith(SHARED_BY_NOBODY):
        return nodeid
    file, _, test = nodeid.partition("::")
    place = file.rpartition("/")[0] if file.startswith(SHARED_BY_FOLDER) else file
    real = REAL.search(test)
    return f"{place} on {real[1]}" if real else place


def in_order(nodeids: list[str]) -> dict[str, tuple[int, int, str]]:
    """Return for every group its place in the queue: by room, then the largest first."""
    return {
        group: (_room(group), -size, group)
        for group, size in Counter(group_of(nodeid) for nodeid in nodeids).items()
    }


def _room(group: str) -> int:
    return next((at for at, room in enumerate(ORDER) if f"{group}/".startswith(room)), len(ORDER))


class ByGroup(LoadScopeScheduling):
    """Gives a worker one group after the other, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers ``-n auto`` asks for; ``--maxprocesses`` limits it."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    """Deal out by group, whatever ``--dist`` says."""
    config.option.loadscopereorder = False
    return ByGroup(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long groups first where there are several workers."""
    if hasattr(config, "workerinput"):
        order = in_order([item.nodeid for item in items])
        items.sort(key=lambda item: order[group_of(item.nodeid)])
