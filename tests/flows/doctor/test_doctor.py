"""doctor finds nothing on a healthy installation, and exactly the one thing that is broken on another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cli.doctor.model import Area, Result
from cli.exits import Exit
from sandbox import people
from sandbox.standin.process import StandIn
from tests.flows.doctor import faults_of_accounts, faults_of_runs, faults_of_vault
from tests.flows.doctor.planting import FAULTS, Planted
from tests.flows.doctor.site import Site, installed
from tests.running import Server

pytestmark = pytest.mark.prefect
PLANTED_BY = (faults_of_vault, faults_of_accounts, faults_of_runs)
"""Importing these has filled the list of faults."""


@pytest.fixture(scope="module")
def site(prefect_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Install everything once, for all tests of this module."""
    with installed(tmp_path_factory.mktemp("doctor"), prefect_server) as made:
        yield made


def test_healthy(site: Site) -> None:
    """Everything that can be looked at is looked at, and nothing is wrong."""
    found = site.diagnose()

    assert [(str(it), outcome.fault) for it, outcome in found.wrong] == []
    assert [str(it) for it, _ in found.of(Result.NOT_LOOKED)] == []
    assert found.exit is Exit.OK
    assert found.summary.startswith("Healthy: ")
    assert {it.kind.area for it in found.checks} == set(Area)


@pytest.mark.parametrize("planted", FAULTS, ids=lambda planted: planted.name)
def test_one_fault(site: Site, planted: Planted) -> None:
    """It is named with its fix, and nothing else is: what depends on it is not looked at."""
    with planted.broken(site):
        found = site.diagnose(*planted.areas)

    told = [
        (str(it), outcome.result.value, outcome.fault, outcome.fix) for it, outcome in found.wrong
    ]
    assert len(told) == 1, told
    item, outcome = found.wrong[0]
    assert item.kind.id == planted.id
    assert planted.subject in (item.subject, "*")
    assert planted.fault in outcome.fault
    assert planted.fix in outcome.fix
    expected = Result.WARNING if planted.warns else Result.FAULT
    assert outcome.result is expected
    assert found.exit is (Exit.WARNING_FOUND if planted.warns else Exit.CHECK_FAILED)
    for secret in site.world.canaries:
        assert secret not in str(found.as_data())


def test_changes_nothing(site: Site) -> None:
    """No system is asked to change anything, no connection account is signed in, and its own token is given back."""
    stand_ins: list[StandIn] = list(site.world.stand_ins().values())
    for stand_in in stand_ins:
        stand_in.forget()
    before = site.world.vault.state()

    site.diagnose()

    asked = {name: stand_in.journal() for name, stand_in in site.world.stand_ins().items()}
    assert {call["route"] for call in asked["Active Directory"]} <= {"bind", "search"}
    signed_in = {
        call["detail"]["who"] for call in asked["Active Directory"] if call["route"] == "bind"
    }
    assert signed_in == {f"{name}@{people.DOMAIN}" for name in (people.READER, people.SETTER)}
    for name, calls in asked.items():
        if name.startswith(("Entra", "Cayosoft")):
            assert {_asked(call) for call in calls if call["detail"]["method"] != "GET"} <= {
                "token"
            }
    changing = {
        call["detail"]["path"]
        for call in asked["Vault"]
        if call["detail"]["method"] not in ("GET", "LIST")
    }
    assert changing == {
        "/v1/auth/approle/login", "/v1/auth/token/revoke-self", "/v1/sys/capabilities-self",
    }  # fmt: skip
    after = site.world.vault.state()
    assert "orchestrator" not in after["tokens"]
    assert (_tokens(after), after["secrets"]) == (_tokens(before), before["secrets"])


def _tokens(state: dict[str, Any]) -> dict[str, int]:
    """Count the tokens by role, but for the intake, which runs beside it and may sign in at any time."""
    return {role: count for role, count in state["tokens"].items() if role != "intake"}


def _asked(call: dict[str, Any]) -> str:
    return "token" if "token" in call["detail"]["path"] else str(call["detail"]["path"])


def test_one_area(site: Site) -> None:
    """With ``--only`` it looks at that area and what it depends on, and reports a fault of either."""
    site.world.vault.do("seal")
    try:
        found = site.diagnose(Area.CONSOLES)
    finally:
        site.world.vault.do("unseal")

    assert [it.kind.id for it, _ in found.wrong] == ["vault.state"]
    areas = {it.kind.area for it in found.checks}
    assert areas == {Area.CONFIGURATION, Area.VAULT, Area.CONSOLES}
    hidden = {it.kind.id for it in found.hidden_by(found.wrong[0][0])}
    assert {"console.sign-in", "console.row", "vault.sign-in"} <= hidden
