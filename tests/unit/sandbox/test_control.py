"""The switches of a stand-in: faults, journal and clock."""

from __future__ import annotations

import json

import httpx
import pytest

from sandbox.standin.control import Control, Fault


@pytest.mark.parametrize(
    ("pattern", "meets"), [("kv.*", True), ("*", True), ("kv.read", True), ("KV.read", False)]
)
def test_faults_know_their_route(pattern: str, meets: bool) -> None:
    """A fault meets the routes that its pattern names, and no other."""
    control = Control()
    control.arm(Fault(pattern, "status"))
    assert (control.meet("kv.read") is not None) is meets


def test_faults_count_down() -> None:
    """A fault lets some calls pass, meets so many, and is gone."""
    control = Control()
    control.arm(Fault("a", "status", times=2, skip=1))
    assert [control.meet("a") is not None for _ in range(4)] == [False, True, True, False]
    assert control.faults() == []


def test_a_fault_may_stay() -> None:
    """With times 0 a fault stays until it is disarmed."""
    control = Control()
    control.arm(Fault("a", "status", times=0))
    assert all(control.meet("a") for _ in range(5))
    control.disarm()
    assert control.meet("a") is None


def test_the_clock_moves() -> None:
    """Moving the clock moves what the journal says, and nothing else passes."""
    control = Control()
    before = control.now()
    control.advance(3600)
    control.record("a", "200", user="x")
    (written,) = control.journal()
    assert 3600 <= written["at"] - before < 3660
    assert written["detail"] == {"user": "x"}


def test_the_side_door() -> None:
    """Everything is reached over HTTP, a mistake is told, and the door stays open after it."""
    control = Control()
    control.show_state = lambda: {"users": 1}
    server = control.serve()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with httpx.Client(base_url=url, trust_env=False) as door:
            assert door.get("/state").json() == {"users": 1}
            door.post("/faults", json={"route": "a", "kind": "status"}).raise_for_status()
            assert [f["route"] for f in door.get("/faults").json()] == ["a"]
            assert door.post("/faults", json={"rout": "a"}).status_code == 400
            assert door.post("/faults", content=b"{").status_code == 400
            assert door.post("/clock", json={"advance": "x"}).status_code == 400
            assert door.get("/nowhere").status_code == 404
            door.delete("/faults").raise_for_status()
            assert json.loads(door.get("/faults").content) == []
    finally:
        server.shutdown()
        server.server_close()
