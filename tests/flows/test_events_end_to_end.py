"""From Vault to the console by itself: a signed message, the intake, Prefect, a worker, a person where one is due.

Every part is a process of its own, as in production: Prefect's server, a worker, the intake, the sandbox.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import notifications
from sandbox.installation import Installation, environment_of, installed
from sandbox.standin.process import StandIn
from sandbox.standin.tls import TRUSTS_NOBODY
from sandbox.world import World, running
from tests.flows.test_remediate import EVERYWHERE, WITHHELD, scopes
from tests.waiting import eventually

pytestmark = pytest.mark.prefect
ROOT = Path(__file__).parents[2]


@dataclass
class Site:
    """A running installation, and the chat that its automations tell."""

    installation: Installation
    chat: notifications.Chat

    @property
    def world(self) -> World:
        """The sandbox."""
        return self.installation.world

    def ended(self, flow: str, connection: str, since: datetime, *names: str) -> dict[str, Any]:
        """Wait until the only run of a flow about a connection is in one of these states; return it."""

        def about() -> list[dict[str, Any]]:
            return [
                run
                for run in self.installation.runs(flow, since)
                if run["parameters"].get("connection") == connection
                or run["parameters"].get("connections") == [connection]
            ]

        (run,) = eventually(
            about, lambda seen: [r["state_name"] for r in seen[:1]] in [[n] for n in names], 90
        )
        return run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, prefect_golden: Path) -> Iterator[Site]:
    """Install everything on a server of its own: deployments, automations, a worker, the intake."""
    folder = tmp_path_factory.mktemp("site")
    home = folder / "prefect"
    config = {"home": str(home), "golden": str(prefect_golden)}
    with (
        StandIn.start("sandbox.prefect_server", config) as server,
        running(folder / "sandbox") as world,
        notifications.listening(server.url) as chat,
    ):
        world.environment.update(
            PREFECT_API_URL=f"{server.url}/api",
            PREFECT_HOME=str(home),
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
        )
        deploy = [sys.executable, "-m", "cli.main", "deploy", "--notify-block", notifications.BLOCK]
        done = subprocess.run(
            deploy,
            env=environment_of(world),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with installed(world, server.url) as installation:
            yield Site(installation, chat)


def test_a_message_updates_the_console(
    site: Site, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new version is written, a signed message sent, sent again: one run, and the console holds it."""
    since, version = datetime.now(UTC), site.world.rotate_ad("hq")

    answers = {site.installation.announce("cayosoft/hq/ad", version) for _ in range(3)}
    accepted = datetime.now(UTC)

    assert answers <= {200, 202}
    run = site.ended("update_account_credentials", "hq-ad", since, "Ready")
    applied = site.world.ledger("hq-ad")["applied"]
    assert f"#{version}@" in applied["label"]
    assert site.world.console_signs_in("hq", "active_directory")
    started, created = (datetime.fromisoformat(run[name]) for name in ("start_time", "created"))
    saved = datetime.fromisoformat(applied["at"])
    took, waited, worked = (
        (later - earlier).total_seconds()
        for later, earlier in ((saved, accepted), (started, created), (saved, started))
    )
    told = (
        f"202 to applied {took:.1f} s: {waited:.1f} s until a worker had started the run, "
        f"{worked:.1f} s from there to the saved console"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")
    record_property("measured", told)


def test_what_was_applied_already_starts_nothing(site: Site) -> None:
    """The news of a version that the console holds leads to no run, and is done with all the same."""
    since, version = datetime.now(UTC), site.world.rotate_ad("branch")
    site.installation.announce("cayosoft/branch/ad", version)
    site.ended("update_account_credentials", "branch-ad", since, "Ready")

    site.installation.announce("cayosoft/branch/ad", version - 1)
    site.installation.announce("cayosoft/nobody/knows", 1)

    url = f"{site.installation.intake}/metrics"

    def delivered() -> float:
        text = httpx.get(url, verify=TRUSTS_NOBODY, trust_env=False).text
        waiting = [line for line in text.splitlines() if "waiting" in line and line[0] != "#"]
        return sum(float(line.rsplit(" ", 1)[1]) for line in waiting)

    eventually(delivered, lambda waiting: waiting == 0, within=30)
    site.ended("update_account_credentials", "branch-ad", since, "Ready")


def test_a_person_puts_the_consent_right(site: Site) -> None:
    """An incomplete consent starts a run that waits for a person; with the answer it ends as Ready.

    Nobody has opened a portal: the form shows the plan, somebody is told, and half an answer resumes nothing.
    """
    since, version = datetime.now(UTC), site.world.rotate_entra("branch")
    site.installation.announce("cayosoft/branch/m365", version)
    site.ended("update_account_credentials", "branch-m365", since, "Remediation required")
    run = site.ended("remediate_consent", "branch-m365", since, "Suspended")["id"]
    assert site.chat.about("remediate branch-m365 waits for an answer")

    shown = site.installation.form_of(run)
    assert WITHHELD in shown
    assert "Delete the grant" in shown
    before = scopes(site.world)
    assert before["AllPrincipals"] == {EVERYWHERE}
    half = site.installation.answer(run, decision="Carry out the plan")
    assert half["status"] == "REJECT"
    assert scopes(site.world) == before

    answer = site.installation.answer(
        run, decision="Carry out the plan", approved_by="{{ 6 * 7 }} <b>x</b>", comment="change 1"
    )

    assert answer["status"] == "ACCEPT"
    site.ended("remediate_consent", "branch-m365", since, "Ready")
    held = scopes(site.world)
    assert held["AllPrincipals"] == set()
    assert {WITHHELD, EVERYWHERE} <= held["Principal"]
    report = site.installation.call("/artifacts/branch-m365/latest")["data"]
    assert "a name that nothing has checked" in report
    assert "<b>" not in report
    assert site.world.console_signs_in("branch", "microsoft_365")
    assert site.world.ledger("branch-m365")["outcome"] == "Ready"
