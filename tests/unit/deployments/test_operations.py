"""docs/operations.md says what the code does: its commands, its alerts, its links, and its way to sign a hint."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prefect.server.events.schemas.events import Resource, ResourceSpecification
from typer.testing import CliRunner

from cli.automations import PREFIX
from cli.deployments import check
from cli.main import app
from connectors.secret import Secret
from intake.hints import parse
from intake.signatures import verify

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "operations.md").read_text()
COMMANDS = sorted(
    {
        command
        for found in re.findall(
            r"^account-rotation .+$|`(account-rotation [^`]+)`", GUIDE, re.MULTILINE
        )
        for command in [found]
        if command
    }
    | set(re.findall(r"^(account-rotation .+)$", GUIDE, re.MULTILINE))
)
CHECKED = check(ROOT / "prefect.yaml", ROOT / "deployments" / "automations.yaml")


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str) -> None:
    """Every command and option of ours that the guide shows exists."""
    words = shlex.split(command)[1:]
    verbs = words[:2] if words[0] in {"inventory", "spool"} else words[:1]
    shown = CliRunner().invoke(
        app, [*(v for v in verbs if v != "--help"), "--help"], env={"COLUMNS": "200"}
    )
    assert shown.exit_code == 0
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.output


def test_there_are_commands() -> None:
    """The guide shows commands at all."""
    assert len(COMMANDS) >= 8


def test_every_alert_is_explained() -> None:
    """The guide says what each event and each automation that notifies means, and what to do next."""
    table = GUIDE.split("## What each alert means")[1].split("\n## ")[0]
    for automation in CHECKED.automations.automations:
        if not automation.notifies:
            continue
        named = f"| {automation.name.removeprefix(PREFIX)} |" in table
        events = all(f"| `{event}` |" in table for event in automation.trigger.expect)
        assert named or events, automation.name


def test_deployments_exist() -> None:
    """Every deployment that the guide starts is one of prefect.yaml."""
    named = set(re.findall(r"\b([a-z_]+/[a-z-]+) --(?:param|watch)", GUIDE))
    assert named
    assert named <= {entry.full_name for entry in CHECKED.deployments}


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", GUIDE))))
def test_links(link: str) -> None:
    """Every link leads to a file of the repository."""
    assert (ROOT / "docs" / link).exists()


class _Keep(BaseHTTPRequestHandler):
    got: tuple[Message, bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got = (self.headers, body)
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_shown_way_to_sign(tmp_path: Path) -> None:
    """What the guide sends by hand, with a key made as it says, is a hint that the intake takes."""
    made = subprocess.run(["openssl", "rand", "-base64", "32"], capture_output=True, check=True)
    key = tmp_path / "webhook-keys"
    key.write_text(f"whsec_{made.stdout.decode()}")
    script = GUIDE.split("```python\n")[1].split("```")[0]
    with HTTPServer(("127.0.0.1", 0), _Keep) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        environment = {
            "PATH": os.environ["PATH"],
            "KEY_FILE": str(key),
            "HOOKS_URL": f"http://127.0.0.1:{server.server_port}/hooks/vault",
        }
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "202\n"), done.stderr
    headers, body = _Keep.got
    keys = [Secret(line) for line in key.read_text().split()]
    hint = parse(body, verify(body, {k.lower(): v for k, v in headers.items()}, keys))
    assert str(hint) == "kv/cayosoft/hq-ad#latest"


@pytest.mark.parametrize(
    ("flow", "starts"),
    [
        ("update_account_credentials", True),
        ("verify_connections", True),
        ("remediate_consent", False),
    ],
)
def test_a_remediation_does_not_start_itself(flow: str, starts: bool) -> None:
    """An incomplete consent starts a remediation, but not again where a remediation has found it: a no is a no."""
    (rule,) = [
        rule
        for rule in CHECKED.automations.automations
        if any(
            getattr(action, "deployment", "") == "remediate_consent/remediate"
            for action in rule.actions
        )
    ]
    told = Resource(
        {
            "prefect.resource.id": "cayosoft.connection.hq.hq-m365",
            "prefect.resource.name": "hq-m365",
            "cayosoft.flow": flow,
        }
    )  # as F2 tells it (tasks/finish.py)
    assert ResourceSpecification(rule.trigger.match).matches(told) is starts
