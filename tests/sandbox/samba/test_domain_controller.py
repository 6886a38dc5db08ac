"""The real domain controller of the sandbox starts, keeps its seed, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ldap3
import pytest

from sandbox.standin.process import StandIn
from tests.sandbox.samba.domain import NEEDS_SAMBA, Config, Running

pytestmark = NEEDS_SAMBA


def test_seeds_accounts(running: Running) -> None:
    """Every account of the configuration is there, in the state that was asked for."""
    names = ("Administrator", "svc-full", "svc-off", "svc-new")

    assert {name: running.sign_in(name) for name in names} == {
        "Administrator": "success",
        "svc-full": "success",
        "svc-off": "533",
        "svc-new": "773",
    }


def test_seeds_delegations(running: Running, new_password: Callable[[], str]) -> None:
    """Rights are delegated one by one: who may reset a password may do nothing else."""
    dn = f"CN=probe,OU=Validation,{running.standin.endpoints['base_dn']}"
    described = {"description": [(ldap3.MODIFY_REPLACE, ["seen"])]}

    def set_to(password: str) -> dict[str, Any]:
        return {"unicodePwd": [(ldap3.MODIFY_REPLACE, [f'"{password}"'.encode("utf-16-le")])]}

    codes = []
    with (
        running.bound("svc-full", running.password("svc-full")) as full,
        running.bound("svc-reset", running.password("svc-reset")) as some,
    ):
        for operate in (
            lambda c: c.add(dn, ["user"], {"sAMAccountName": "probe"}),
            lambda c: c.modify(dn, set_to(new_password())),
            lambda c: c.modify(dn, described),
            lambda c: c.delete(dn),
        ):
            for connection in (some, full):
                operate(connection)
                codes.append(connection.result["result"])

    assert codes == [50, 0, 0, 0, 50, 0, 50, 0]


def test_locks(running: Running, new_password: Callable[[], str]) -> None:
    """The lockout policy is in force, and a state command unlocks."""
    for _ in range(3):
        running.sign_in("svc-reset", new_password())
    locked = running.sign_in("svc-reset")
    running.standin.do("unlock", username="svc-reset")

    assert (locked, running.sign_in("svc-reset")) == ("775", "success")


def test_ages_passwords(running: Running) -> None:
    """A password can be made so old that it has expired."""
    running.standin.do("age_password", username="svc-full", days=100)
    expired = running.sign_in("svc-full")
    running.standin.do("age_password", username="svc-full", days=0)

    assert (expired, running.sign_in("svc-full")) == ("532", "success")


def test_tells_its_users(running: Running) -> None:
    """The state lists the users and no password."""
    state = running.standin.state()

    off = state["users"]["svc-off"]
    assert (off["enabled"], off["dn"].split(",")[1]) == (False, "OU=Service Accounts")
    assert not [u for u in running.config["users"] if u["password"] in str(state)]


def test_takes_commands(running: Running, new_password: Callable[[], str]) -> None:
    """Accounts are changed by the commands of the stand-in, while the server runs."""
    do, home, password = running.standin.do, "OU=Service Accounts", new_password()
    do("add_user", username="svc-more", password=new_password(), container=home, description="d")
    do("add_group", name="Rotators", container=home, members=["svc-more"])
    do("delegate", trustee="Rotators", container="OU=Validation", rights=["create users"])
    do("revoke", trustee="Rotators", container="OU=Validation", rights=["create users"])
    do("add_password_settings", name="long", applies_to="svc-more", min_password_length=20)
    do("set_policy", minimum_password_age=0, password_history=3)
    do("set_password", username="svc-more", password=password)
    answers = [running.sign_in("svc-more", password)]
    for command in ("disable", "enable", "must_change", "age_password", "expire_account"):
        do(command, username="svc-more", **({"days": 1} if command == "age_password" else {}))
        answers.append(running.sign_in("svc-more", password))

    assert answers == ["success", "533", "success", "773", "success", "701"]
    assert running.standin.state()["users"]["svc-more"]["description"] == "d"
    with pytest.raises(ValueError, match="set_password failed"):
        do("set_password", username="svc-more", password="short")
    with pytest.raises(ValueError, match="no command lock"):
        do("lock", username="svc-more")


def below(pid: int) -> dict[int, str]:
    """Return the processes below ``pid`` with their start times, which tell a reused number apart."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(entry.parent.name)] = (int(fields[1]), fields[19])
    found: dict[int, str] = {}
    grown = {pid}
    while grown:
        grown = {child for child, (parent, _) in parents.items() if parent in grown}
        found |= {child: parents[child][1] for child in grown}
    return found


def alive(process: int, started: str) -> bool:
    """Say whether that very process still runs."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[19] == started and fields[0] != "Z"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of its own that the started process uses for temporary files."""
    folder = tmp_path_factory.mktemp("t")
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_leaves_nothing_behind(config: Config, temporary: Path, ending: signal.Signals) -> None:
    """No process and no file stays, even when the process that started the server is killed."""
    with StandIn.start("sandbox.samba", config) as standin:
        children = below(standin.pid)
        files = list(temporary.iterdir())
        os.kill(standin.pid, ending)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (
            any(alive(*child) for child in children.items()) or any(temporary.iterdir())
        ):
            time.sleep(0.02)

    assert len(children) >= 3  # the limit, the guard, the server
    assert files
    assert [child for child in children.items() if alive(*child)] == []
    assert list(temporary.iterdir()) == []


def test_says_why_it_failed(config: Config, tmp_path: Path) -> None:
    """A start that fails ends at once, names the cause in the log, and leaves no process."""
    log = tmp_path / "log"
    broken = {**config, "smb_conf": {"server role": "standalone server"}}

    with pytest.raises(RuntimeError, match="before it was ready"):
        StandIn.start("sandbox.samba", broken, log)

    assert "the server did not answer" in log.read_text()
    assert "binary should only be used" in log.read_text()
    assert config["administrator"]["password"] not in log.read_text()
