"""The real process: how it starts, refuses, ends, and what docs/intake.md tells people to type."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from cli.main import main
from connectors.errors import InvalidInput, OutOfStep
from intake.server import alone_on
from sandbox.standin.tls import Authority
from tests.contracts.vault.server import stand_in
from tests.intake.prefect_stand_in import PrefectStandIn
from tests.intake.process import Intake
from tests.waiting import eventually

DOCUMENT = Path(__file__).parents[2] / "docs" / "intake.md"


@pytest.fixture
def intake(tmp_path: Path, authority: Authority) -> Iterator[Intake]:
    """Start an intake with a Vault and a Prefect of its own."""
    with ExitStack() as stack:
        vault = stack.enter_context(stand_in(authority))
        prefect = stack.enter_context(PrefectStandIn())
        intake = stack.enter_context(Intake(tmp_path, vault, prefect, 2))
        intake.start()
        yield intake


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="no curl or openssl"
)
def test_the_example_of_the_document(intake: Intake) -> None:
    """What docs/intake.md tells people to type is accepted."""
    blocks = re.findall(r"```\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (example,) = (block for block in blocks if "curl" in block)
    environment = {
        "PATH": "/usr/bin:/bin",
        "INTAKE": intake.url,
        "INTAKE_WEBHOOK_KEYS_FILE": str(intake.folder / "keys"),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", example],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, '{"status":"accepted"}'), done.stderr
    # The example's secret is no connection's here.
    intake.until_empty()


def test_looks_and_ends(intake: Intake) -> None:
    """It says how the systems are, tells nobody what it is made of, and ends in order when asked."""
    with httpx.Client(base_url=intake.url, trust_env=False) as client:
        ready = eventually(
            lambda: client.get("/readyz").json(), lambda seen: seen["vault"]["fine"] is not None
        )
        assert (ready["status"], ready["vault"]["fine"], ready["prefect"]["fine"]) == (
            "ready",
            True,
            True,
        )
        answer = client.get("/healthz")
        assert "server" not in answer.headers
    assert intake.stop() == 0


def test_a_second_one(intake: Intake) -> None:
    """A second process on the same spool is refused, and told why."""
    with pytest.raises(OutOfStep, match="spool: open") as refused, alone_on(intake.spool_file):
        pass
    assert "Another intake" in refused.value.what_to_do()
    intake.kill()
    with alone_on(intake.spool_file):
        pass


def test_no_folder(tmp_path: Path) -> None:
    """A spool in a folder that is not there is told before anybody is answered."""
    with pytest.raises(InvalidInput, match="spool"), alone_on(tmp_path / "none" / "spool"):
        pass


def test_wrong_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong settings end the command with each variable and its fix."""
    monkeypatch.setattr("sys.argv", ["account-rotation", "listen"])
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code not in (0, None)
    assert "INTAKE_SPOOL: set it" in capsys.readouterr().err
