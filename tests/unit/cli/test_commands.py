"""The command line: a user's mistake ends with its fix, and --json is JSON whatever happens."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cli.exits import CODES, Exit, exit_code, exit_code_of
from cli.run_data import as_data
from cli.showing_ledgers import print_ledger
from connectors.errors import InvalidInput, SignInReason, SignInRefused, Unknown, Unreachable
from connectors.ledger import Ledger
from connectors.models import Extension, Finding
from connectors.rotation import Pending, Retirement, Rotation, Trouble
from report.procedure import steps_of_update
from report.record import ConnectionRecord, RunRecord
from report.verdict import OUTCOMES

ROOT = Path(__file__).parents[3]
BROKEN = "version: 2\nsurprise: 1\nservices:\n  - name: HQ\n    console: {driver: bridge}\n    connections: []\n"


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    base = {k: v for k, v in os.environ.items() if not k.startswith(("ROTATION_", "PREFECT_"))}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT, env=base | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "words", [[], ["update"], ["inventory"], ["inventory", "check"], ["consent", "capture"]]
)
def test_help(words: list[str]) -> None:
    """Every command explains itself."""
    shown = _run(*words, "--help")
    assert shown.returncode == 0
    assert "Usage:" in shown.stdout
    assert shown.stderr == ""


@pytest.mark.parametrize(
    "words", [["no-such-verb"], ["update"], ["update", "hq", "--secret-version", "0"]]
)
def test_usage_errors(words: list[str]) -> None:
    """A wrong command is a usage error: 2, and no traceback."""
    shown = _run(*words)
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr


def test_no_inventory_named() -> None:
    """Without ROTATION_INVENTORY the variable is named, with an example."""
    shown = _run("inventory", "check")
    assert shown.returncode == Exit.REFUSED
    assert "ROTATION_INVENTORY" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_every_mistake_is_shown(tmp_path: Path) -> None:
    """A broken inventory shows all its mistakes with their lines, and no traceback."""
    file = tmp_path / "inventory.yaml"
    file.write_text(BROKEN)
    shown = _run("inventory", "check", str(file))
    assert shown.returncode == Exit.REFUSED
    assert {int(n) for n in re.findall(rf"{file}:(\d+): ", shown.stderr)} >= {1, 2, 4, 5, 6}
    assert "Traceback" not in shown.stderr


def test_a_good_inventory() -> None:
    """The example inventory has no mistake."""
    shown = _run("inventory", "check", "deployments/inventory.example.yaml")
    assert shown.returncode == 0
    assert "no mistake" in shown.stdout


def test_prefect_is_away(tmp_path: Path) -> None:
    """Without an answer of Prefect's API nothing is started, and that is said: as text and as JSON."""
    environment = {
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "PREFECT_HOME": str(tmp_path),
        "PREFECT_CLIENT_MAX_RETRIES": "0",
    }
    shown = _run("update", "hq", "--json", **environment)
    assert shown.returncode == Exit.UNREACHABLE
    data = json.loads(shown.stdout)
    assert data["outcome"] == "Unreachable"
    assert data["error"].startswith("prefect: ")
    assert "PREFECT_API_URL" in data["what_to_do"]
    assert "Traceback" not in shown.stderr


def test_json_of_a_failed_run(
    new_password: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The result of a failed run is JSON, with every text as it is, and without what no error holds."""
    secret = new_password()
    record = RunRecord("update", "run-1", "hq", dry_run=False)
    connection = ConnectionRecord("hq-ad", "x", steps_of_update(Extension.ACTIVE_DIRECTORY))
    try:
        raise ValueError(secret)
    except ValueError as inner:
        error = SignInRefused("ad", 'sign "in"\n', reason=SignInReason.LOCKED, account="ü[/x]")
        error.__cause__ = inner
    connection.error = error
    connection.findings.append(Finding("c", "s\u2028", "d", "a " * 100))
    record.connections.append(connection)

    Console(width=40).print_json(json.dumps(as_data(record)))

    written = capsys.readouterr().out
    data = json.loads(written)
    assert data["outcome"] == "Refused"
    assert data["connections"][0]["error"] == str(error)
    assert secret not in written


def test_exit_codes() -> None:
    """Every end state has a code, only the good ones have 0, and no two failures share one."""
    assert set(CODES) == set(OUTCOMES)
    failures = [CODES[outcome] for outcome in OUTCOMES if not outcome.succeeded]
    assert len(set(failures)) == len(failures)
    assert not {0, 1, 2} & set(failures)
    assert {CODES[outcome] for outcome in OUTCOMES if outcome.succeeded} == {Exit.OK}


def test_exit_codes_are_documented() -> None:
    """docs/errors.md names each end state with its Prefect type, code and meaning."""
    page = (ROOT / "docs" / "errors.md").read_text()
    rows = re.findall(r"^\| \*\*(.+)\*\* \| (\w+) \| (\d+) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [
        (o.name, "Completed" if o.succeeded else "Failed", str(int(CODES[o])), o.meaning)
        for o in OUTCOMES
    ]


def test_exit_code_of_what_ended_early() -> None:
    """An error before there was a run has the code of its kind."""
    assert exit_code_of(Unreachable("s", "o")) is Exit.UNREACHABLE
    assert exit_code_of(InvalidInput("s", "o")) is Exit.REFUSED
    record = RunRecord("update", "-", "hq", dry_run=False, error=Unknown("s", "o"))
    assert exit_code(record) is Exit.UNKNOWN


def test_giving_up_stands_alone() -> None:
    """Giving a rotation up cannot be combined with anything that goes on with it."""
    shown = _run("rotate", "hq-ad", "--abandon", "--finish")
    assert shown.returncode == 2
    assert "stands alone" in shown.stderr


def test_an_unfinished_rotation_can_be_read() -> None:
    """The ledger of an unfinished rotation says how far it came, where its password waits, and what to type."""
    moment = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    pending = Pending(mount="kv", path="rotation/hq-ad/pending/r1", version=1, created=moment)
    rotation = Rotation(
        id="r1", begun=moment, account="svc-b@corp", in_use="svc-a@corp", base="kv/a#1@t",
        base_version=1, phase="N3", pending=pending,
    )  # fmt: skip
    trouble = Trouble(
        cycles=3, since=moment, outcome="Refused", reason="because", what_to_do="do this",
        not_before=moment, needs_person=True,
    )  # fmt: skip
    retire = Retirement(account="svc-c@corp", due=moment)
    kept = Ledger(
        connection="hq-ad", rotation=rotation, trouble=trouble, retire=retire, idle="svc-b@corp"
    )
    text = StringIO()

    print_ledger(kept, Console(file=text, width=120))

    for wanted in (
        "N3 set the new password", "kv/rotation/hq-ad/pending/r1#1", "svc-b@corp", "because", "do this",
        "account-rotation rotate hq-ad --finish", "svc-c@corp, not before 2026-05-04",
    ):  # fmt: skip
        assert wanted in text.getvalue()
