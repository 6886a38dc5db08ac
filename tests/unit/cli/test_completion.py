"""The shell completes names from the inventory, also from one with mistakes, and never says a word beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import completion

ROOT = Path(__file__).parents[3]
INVENTORY = """\
version: 1
surprise: here
tenants: [{name: contoso}, {name: "not a name!"}]
services:
  - name: hq
    connections: [{name: hq-ad}, {name: hq-m365}, {nothing: here}]
  - name: 1branch
    connections: [{name: branch-ad}]
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write an inventory with mistakes, and name it."""
    file = tmp_path / "inventory.yaml"
    file.write_text(INVENTORY)
    monkeypatch.setenv("ROTATION_INVENTORY", str(file))
    return file


@pytest.mark.usefixtures("inventory")
def test_names() -> None:
    """Services, connections and tenants are those that begin as typed; what is no name is left out."""
    assert completion.services("") == ["hq", "1branch"]
    assert completion.services("h") == ["hq"]
    assert completion.connections("") == ["hq-ad", "hq-m365", "branch-ad"]
    assert completion.tenants("") == ["contoso"]


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"[", b"services: 3\n"])
def test_nothing_to_complete(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a readable inventory nothing is completed, and nothing breaks."""
    file = tmp_path / "inventory.yaml"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("ROTATION_INVENTORY", str(file))
    assert completion.services("") == []
    assert completion.tenants("") == []
    monkeypatch.delenv("ROTATION_INVENTORY")
    assert completion.connections("") == []


def _complete(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cli.main"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | environment | words | {"_ACCOUNT_ROTATION_COMPLETE": "complete_bash"},
    )  # fmt: skip


def test_in_the_shell(inventory: Path) -> None:
    """The shell gets the connections of the service that is already typed, and waits for no Prefect."""
    done = _complete("account-rotation plan hq -c hq", ROTATION_INVENTORY=str(inventory))
    assert done.stdout.split() == ["hq-ad", "hq-m365"]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "inventory.names" in imported
    assert not imported & {"prefect", "hvac", "msal", "ldap3", "httpx", "pydantic_settings", "rich"}
    assert all(line.startswith("import time:") for line in done.stderr.splitlines())
