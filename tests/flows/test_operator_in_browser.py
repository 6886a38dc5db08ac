"""The operator's driver in a real browser: Prefect's own form, the console's pages, and what becomes of mistakes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.installation import Installation, environment_of, installed
from sandbox.operator.browser import browser
from sandbox.operator.shift import Shift
from sandbox.standin.process import StandIn
from sandbox.world import World, running
from tests.flows.test_remediate import scopes

# With the start of a server, a worker and a browser in the first of them.
pytestmark = [pytest.mark.prefect, pytest.mark.browser, pytest.mark.timeout(420)]
ROOT = Path(__file__).parents[2]
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass
class Site:
    """An installation whose consoles only a person reaches, and that person."""

    installation: Installation
    shift: Callable[[str], Shift]

    @property
    def world(self) -> World:
        """The sandbox."""
        return self.installation.world

    def start(self, connection: str) -> str:
        """Start the deployed update of one connection, as a person does in the UI; return the run."""
        service = connection.partition("-")[0]
        name = "update_account_credentials/update"
        return self.installation.start(name, service=service, connections=[connection])

    def report(self, run: str, key: str) -> str:
        """Return what a run has reported of a connection."""
        filters = {"flow_run_id": {"any_": [run]}, "key": {"any_": [key]}}
        (found,) = self.installation.call("/artifacts/filter", {"artifacts": filters})
        return str(found["data"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, prefect_golden: Path) -> Iterator[Site]:
    """Install everything on a server of its own, start a worker, and open a browser."""
    folder = tmp_path_factory.mktemp("site")
    home = folder / "prefect"
    config = {"home": str(home), "golden": str(prefect_golden)}
    with (
        StandIn.start("sandbox.prefect_server", config) as server,
        running(folder / "sandbox", driver="operator") as world,
    ):
        world.environment.update(
            PREFECT_API_URL=f"{server.url}/api",
            PREFECT_HOME=str(home),
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
        )
        deploy = [sys.executable, "-m", "cli.main", "deploy"]
        done = subprocess.run(
            deploy,
            env=environment_of(world),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with (
            installed(world, server.url) as installation,
            browser(world.folder / "tls") as started,
        ):

            def shift(service: str) -> Shift:
                seed = world.service(service)
                url = world.consoles[service].url
                person = Shift(started, server.url, url, "Op One", world.password)
                person.sign_in(seed.console_account, seed.console_password)
                return person

            yield Site(installation, shift)


def test_both_extensions(site: Site) -> None:
    """Who reads the guide and follows it brings both extensions to the new credential."""
    world, shift = site.world, site.shift("hq")
    world.rotate_ad("hq")
    world.rotate_entra("hq")

    run = site.start("hq-ad")
    site.installation.waits(run)
    shift.enter_in_active_directory(run)
    assert site.installation.end_of(run) == "Ready"

    run = site.start("hq-m365")
    site.installation.waits(run)
    table = shift.enter_in_microsoft_365(run)
    assert table.status == "Fully granted"
    assert site.installation.end_of(run) == "Ready"

    for extension in ("active_directory", "microsoft_365"):
        assert world.console_signs_in("hq", extension)
    evidence = site.report(run, "hq-m365")
    assert "'Consent on behalf of your organization' left unticked" in evidence
    assert "'Op One' in the Prefect UI, a name that nothing has checked" in evidence


def test_the_forbidden_checkbox(site: Site) -> None:
    """Who ticks it is found out by the tenant, and the form of the remediation puts it right."""
    shift = site.shift("branch")
    site.world.rotate_entra("branch")
    run = site.start("branch-m365")
    site.installation.waits(run)

    shift.enter_in_microsoft_365(run, tick=True)

    assert site.installation.end_of(run) == "Remediation required"
    assert "consent.forbidden-checkbox" in site.report(run, "branch-m365")
    remedy = site.installation.suspended_run_of("branch-m365")
    complaints = shift.prefect.answer(
        remedy, {"Decision": "Carry out the plan", "Your name": "Op One"}
    )
    assert complaints == []
    assert site.installation.end_of(remedy) == "Ready"
    assert scopes(site.world)["AllPrincipals"] == set()


def test_a_forgotten_save(site: Site) -> None:
    """Who forgets Save is asked again, with what speaks against it; then it is saved."""
    world, shift = site.world, site.shift("branch")
    world.rotate_ad("branch")
    # For an hour the directory accepts the previous password, too, and nobody can tell.
    world.directory.advance(2 * 3600)
    run = site.start("branch-ad")
    first = site.installation.waits(run)

    shift.enter_in_active_directory(run, save=False)

    site.installation.waits(run, after=first)
    assert not world.console_signs_in("branch", "active_directory")
    shift.prefect.open_run(run)
    shift.prefect.press_resume()
    assert "Very likely the console still holds the previous password" in shift.prefect.guide()
    shift.enter_in_active_directory(run)
    assert site.installation.end_of(run) == "Ready"
    assert world.console_signs_in("branch", "active_directory")
