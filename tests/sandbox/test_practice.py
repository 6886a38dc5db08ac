"""What somebody is given who plays the person at the console by hand."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.operator.practice import show_how_to_practise
from sandbox.world import World, running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Start a service whose console only a person reaches."""
    with running(tmp_path, services=("hq",), driver="operator") as sandbox:
        yield sandbox


def told(world: World, folder: Path) -> str:
    """Let somebody in, and return what this person reads."""
    said = folder / "said.txt"
    with said.open("w") as out:
        show_how_to_practise(Console(file=out), world)
    return said.read_text()


def typed(world: World, command: str) -> subprocess.CompletedProcess[str]:
    """Type a command after the settings, on a machine that has neither vault nor bao."""
    settings = world.folder / "operator.sh"
    line = ["/bin/sh", "-c", f'. "$0"; {command}', settings]
    return subprocess.run(
        line, capture_output=True, text=True, check=False, env={"PATH": "/nowhere"}
    )


def test_a_person_is_let_in(world: World, tmp_path: Path) -> None:
    """Both files are named, only their owner can read them, and the guide's command prints the password."""
    text = told(world, tmp_path)
    assert not [secret for secret in world.canaries if secret in text]
    for file in (world.console_accounts_file, world.folder / "operator.sh"):
        assert str(file) in text
        assert file.stat().st_mode & 0o077 == 0

    world.rotate_ad("hq")
    old, new = (
        typed(world, f"vault kv get -mount=kv -version={n} -field=password cayosoft/hq/ad").stdout
        for n in (1, 2)
    )
    assert new.strip() == world.current("hq", "active_directory")["password"]
    assert old.strip() == world.password("cayosoft/hq/ad", 1) != new.strip()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("-field=password orchestrator/reader", "permission denied"),
        ("-field=password cayosoft/nobody", "404"),
        ("-field=pasword cayosoft/hq/ad", "there are: password, username"),
    ],
    ids=["not an operator's", "not there", "no such field"],
)
def test_what_a_person_does_not_get(world: World, tmp_path: Path, command: str, says: str) -> None:
    """The token is an operator's, and a mistake is told without a traceback."""
    told(world, tmp_path)
    refused = typed(world, f"vault kv get -mount=kv {command}")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr
