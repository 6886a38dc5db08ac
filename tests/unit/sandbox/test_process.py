"""A stand-in as a process: ready when it says so, and gone with us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.standin.process import StandIn
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
CONFIG = {"port": 0, "tls": None, "root_token": "unit"}


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def test_a_stand_in_starts_and_ends() -> None:
    """It is ready when start returns, its side door answers, and stop ends it."""
    with StandIn.start("sandbox.vault", CONFIG) as vault:
        assert vault.journal() == []
        pid = vault.pid
        vault.stop()
        assert _gone(pid)
    assert _gone(pid)


def test_a_stand_in_that_cannot_start() -> None:
    """A child that fails says so to the one who started it."""
    with pytest.raises(RuntimeError, match=r"sandbox\.vault ended before it was ready"):
        StandIn.start("sandbox.vault", {"port": "no number"})


def test_a_parent_that_is_killed_leaves_nothing() -> None:
    """When the parent dies without a word, its stand-in ends too."""
    program = (
        "import json, sys, time\n"
        "from sandbox.standin.process import StandIn\n"
        f"s = StandIn.start('sandbox.vault', json.loads({json.dumps(json.dumps(CONFIG))}))\n"
        "print(s.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert not _gone(child)
        parent.kill()
    eventually(lambda: _gone(child), bool)
