"""docs/consent.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from connectors.entra import endpoints as calls
from connectors.entra.models import ConsentVerdict
from connectors.entra.remedies import kept_for_everybody, shared_by_another
from sandbox.entra.catalogue import GRAPH, offered

PAGE = (Path(__file__).parents[3] / "docs" / "consent.md").read_text()
COMMANDS = re.findall(r"account-rotation consent (\w+)((?:[^`\n]|\\\n)*)", PAGE)


def test_every_verdict() -> None:
    """Each verdict has its row, under the words that reports use."""
    assert [row for row in ConsentVerdict if f"\n| {row.value} |" not in PAGE] == []


def test_the_remediators_permissions() -> None:
    """Each permission of a changing call is in the page with its real id."""
    ids = {it.value: it.id for it in offered(GRAPH) if it.kind == "application"}
    changing = (calls.CREATE_GRANT, calls.SET_SCOPE, calls.DELETE_GRANT, calls.ASSIGN_ROLE)
    for permission in {it for call in changing for it in call.permission.split(" and ")}:
        assert f"| `{permission}` | `{ids[permission]}` |" in PAGE
    assert all(f"`{it}`" in PAGE for it in calls.CONSENTS.permission.split(" and "))


def test_why_a_grant_stays() -> None:
    """The codes of the findings are those of the code."""
    for finding in (kept_for_everybody("", "", (), ""), shared_by_another("", "", (), "")):
        assert f"`{finding.code}`" in PAGE


@pytest.mark.parametrize(("verb", "rest"), COMMANDS)
def test_every_command_exists(verb: str, rest: str) -> None:
    """Each command of the page is one, with options that it has."""
    shown = CliRunner().invoke(app, ["consent", verb, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    for option in re.findall(r"--[a-z-]+", rest):
        assert option in shown.output
