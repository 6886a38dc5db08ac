"""The catalogue of checks, the command that runs them, and what they say of settings and clocks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.doctor import clocks, configuration
from cli.doctor.command import AREAS
from cli.doctor.examine import examine
from cli.doctor.model import Area, NotLooked, Wrong
from cli.doctor.plan import catalogue
from cli.doctor.site import Choices, Site
from cli.exits import Exit
from connectors.entra.needs import beyond_reading, lacking
from tasks.settings import PREFIX, RetrySettings

ROOT = Path(__file__).parents[4]


def test_catalogue() -> None:
    """Every check has a sentence for its fault and a fix, and every area has checks."""
    kinds = catalogue()
    assert {kind.area for kind in kinds} == set(Area)
    for kind in kinds:
        assert re.fullmatch(r"[a-z]+(\.[a-z-]+)+", kind.id), kind.id
        assert kind.fault.endswith("."), kind.id
        assert kind.fix, kind.id
        assert kind.wanted[0].islower() or kind.wanted.startswith(
            ("Vault", "Prefect", "Microsoft", "SQLite")
        ), kind.id


def test_areas_of_the_command_line() -> None:
    """The command line names every area."""
    assert tuple(area.value for area in Area) == AREAS


def test_every_variable_of_ours_is_known() -> None:
    """No variable that a room reads is called a typo."""
    retry = {f"{PREFIX}{field.upper()}" for field in RetrySettings.model_fields}
    assert retry | {"ROTATION_INVENTORY"} == configuration.OWN_VARIABLES


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    base = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ROTATION_", "PREFECT_", "INTAKE_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "doctor", *arguments],
        cwd=ROOT, env=base, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_command() -> None:
    """On a machine where nothing is set it names that, as JSON too, and ends with the code of a fault."""
    done = _run("--only", "vault", "--json")
    assert done.returncode == Exit.CHECK_FAILED, done.stderr
    assert done.stderr == ""
    data = json.loads(done.stdout)
    wrong = {item["id"]: item["fix"] for item in data["checks"] if item["result"] == "fault"}
    assert set(wrong) == {"configuration.inventory", "configuration.vault-settings"}
    assert "ROTATION_INVENTORY" in wrong["configuration.inventory"]
    assert "ROTATION_VAULT_ADDR" in wrong["configuration.vault-settings"]


def test_unknown_area() -> None:
    """An area that is not there is a usage error that names those that are."""
    done = _run("--only", "walls")
    assert done.returncode == 2
    assert "configuration" in done.stderr


def test_nothing_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without inventory and settings there are two faults, and not one per area."""
    for name in [name for name in os.environ if name.startswith(("ROTATION_", "INTAKE_"))]:
        monkeypatch.delenv(name)
    found = examine(Choices(), [Area.DIRECTORIES, Area.TENANTS, Area.CONSOLES, Area.VAULT])
    assert {item.kind.id for item, _ in found.wrong} == {
        "configuration.inventory",
        "configuration.vault-settings",
    }


def _clocks(**offsets: float) -> Wrong:
    site = Site(Choices(), offsets=offsets)
    with pytest.raises(Wrong) as told:
        clocks.agree.look(site)
    return told.value


def test_our_own_clock() -> None:
    """Where every system differs alike, this machine's clock is the fault."""
    told = _clocks(vault=-601.0, dc=-600.0, tenant=-602.0)
    assert told.fault == "This machine's clock is 602 s ahead of all others."
    assert "timedatectl set-ntp true" in told.fix


def test_another_clock() -> None:
    """Where one system differs, it is named, with how far."""
    assert _clocks(vault=0.4, dc=-90.0).fault == "Clocks differ: dc is 90 s behind this machine."


def test_clocks_that_agree() -> None:
    """A second or two is nothing; without any clock there is nothing to compare."""
    site = Site(Choices(), offsets={"vault": 1.2, "dc": -0.3})
    assert clocks.agree.look(site) == "2 clocks, at most 1 s apart"
    with pytest.raises(NotLooked):
        clocks.agree.look(Site(Choices()))


def test_permissions() -> None:
    """Who may write may read; what the verifier holds beyond reading is told."""
    held = {"User.ReadWrite.All", "Application.Read.All", "Directory.Read.All", "Policy.Read.All"}
    assert lacking("verifier", held) == ("RoleManagement.Read.Directory",)
    assert lacking("remediator", ()) != ()
    assert beyond_reading(held) == ("User.ReadWrite.All",)
