"""The main job with a person at the console, played by a scripted browser: guided, once forgetful, once ticking too much."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page
from rich.console import Console

from sandbox import notifications
from sandbox.demo import (
    Check,
    checks_of_systems,
    command_line,
    sandbox_with_prefect,
    show_addresses,
    show_checks,
    show_how_to_use,
    stay,
)
from sandbox.installation import Installation, installed
from sandbox.operator.browser import browser
from sandbox.operator.shift import Shift

PICTURES = Path(__file__).parents[2] / "build" / "operator"
SERVICES = ("hq", "branch", "plant")
NAME = "The scripted operator"
HOURS = 3600.0


@dataclass
class Album:
    """Numbered screenshots in a folder."""

    folder: Path
    scene: str = ""
    taken: list[Path] = field(default_factory=list)

    def keep(self, page: Page, name: str) -> None:
        """Take one."""
        file = self.folder / f"{len(self.taken) + 1:02}-{self.scene}-{name}.png"
        page.screenshot(path=file, animations="disabled")  # a form as it is, not as it fades in
        self.taken.append(file)


@dataclass
class Stage:
    """What the scenes are played on."""

    console: Console
    site: Installation
    chromium: Browser
    album: Album
    ends: dict[str, str] = field(default_factory=dict)

    def shift(self, service: str) -> Shift:
        """Sign somebody in to the console of a service."""
        world = self.site.world
        seed = world.service(service)
        person = Shift(
            self.chromium,
            self.site.prefect,
            world.consoles[service].url,
            NAME,
            world.password,
            self.album.keep,
        )
        person.sign_in(seed.console_account, seed.console_password)
        return person

    def say(self, text: str) -> None:
        """Tell what is played."""
        self.console.print(text)

    def ended(self, what: str, run: str) -> None:
        """Wait for the end of a run and say it."""
        self.ends[what] = self.site.end_of(run)
        self.say(f"  {what}: [green]{self.ends[what]}[/]")


def operator_demo(console: Console, folder: Path, *, keep: bool, prefect_port: int) -> int:
    """Play it; return 0 when everything was as expected. Raises NoBrowser where there is no Chromium."""
    began = time.monotonic()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    console.rule("[bold]Account rotation: demo with a person at the console")
    console.print(
        "Starting Prefect, Vault, Active Directory, Entra ID, three consoles and a browser ..."
    )
    with (
        sandbox_with_prefect(
            folder, prefect_port=prefect_port, services=SERVICES, driver="operator"
        ) as (world, prefect),
        notifications.listening(prefect.url) as chat,
    ):
        show_addresses(console, world, prefect, prefect_port)
        deploy = ("deploy", "--notify-block", notifications.BLOCK)
        console.print(f"\n$ account-rotation {' '.join(deploy)}", style="bold cyan")
        deployed = command_line(world, *deploy)
        with (
            installed(world, prefect.url) as site,
            browser(world.folder / "tls", graphs=True) as chromium,
        ):
            stage = Stage(console, site, chromium, Album(PICTURES))
            for scene in (_both_extensions, _forgotten_save, _forbidden_checkbox, _in_place):
                scene(stage)
        message = chat.about("waits for an answer")
        checks = [
            Check("everything is deployed", not deployed, f"exit code {deployed}"),
            Check("somebody is told that a person is due", message is not None, "told"),
            *(
                Check(f"{what} ends: {EXPECTED[what]}", end == EXPECTED[what], end)
                for what, end in stage.ends.items()
            ),
            *checks_of_systems(world, folder, SERVICES),
        ]
        show_checks(console, checks)
        passed = all(check.held for check in checks) and set(stage.ends) == set(EXPECTED)
        seconds = time.monotonic() - began
        console.print(
            f"{len(stage.album.taken)} screenshots are in {PICTURES.relative_to(Path.cwd())}/"
        )
        console.print(
            f"[bold green]DEMO PASSED[/] in {seconds:.0f} s: every state above is the expected one"
            if passed
            else f"[bold red]DEMO FAILED[/] after {seconds:.0f} s"
        )
        if keep:
            console.print(f"\nLook at {prefect.url}/runs and {prefect.url}/artifacts .")
            show_how_to_use(console, world, prefect)
            stay(console)
    return 0 if passed else 1


EXPECTED = {
    "hq-ad": "Ready",
    "hq-m365": "Ready",
    "branch-ad": "Ready",
    "branch-m365": "Remediation required",
    "the remediation of branch-m365": "Ready",
    "the rotation of plant-ad": "Ready",
}
"""End state of each run."""


def _both_extensions(stage: Stage) -> None:
    """Follow the guides of both extensions."""
    stage.album.scene = "hq"
    stage.say(
        "\n[bold]hq[/]: both accounts were rotated; Vault's side sends the news. Each run proves the new password, "
        "and then waits for a person, who follows its guide at the console."
    )
    site, world = stage.site, stage.site.world
    site.announce("cayosoft/hq/ad", world.rotate_ad("hq"))
    site.announce("cayosoft/hq/m365", world.rotate_entra("hq"))
    shift = stage.shift("hq")
    work: dict[str, Callable[[str], object]] = {
        "hq-ad": shift.enter_in_active_directory,
        "hq-m365": shift.enter_in_microsoft_365,
    }
    for connection, enter in work.items():
        run = site.suspended_run_of(connection)
        enter(run)
        stage.ended(connection, run)
        shown = shift.prefect.look_at(f"/runs/flow-run/{run}", until="text=F2 record the evidence")
        stage.album.keep(shown, "run-ended")
        report = site.newest(connection)["id"]
        shown = shift.prefect.look_at(f"/artifacts/artifact/{report}", until="article img")
        stage.album.keep(shown, "report")


def _forgotten_save(stage: Stage) -> None:
    """Forget Save, be told so, and save."""
    stage.album.scene = "branch"
    stage.say(
        "\n[bold]branch, Active Directory[/]: the password is two hours old, and the person forgets to press Save, but reports "
        "that all is well. No domain controller has seen the account sign in, so the run asks once more, and says why."
    )
    site, world = stage.site, stage.site.world
    version = world.rotate_ad("branch")
    world.directory.advance(2 * HOURS)
    site.announce("cayosoft/branch/ad", version)
    shift = stage.shift("branch")
    run = site.suspended_run_of("branch-ad")
    first = site.waits(run)
    shift.enter_in_active_directory(run, save=False)
    site.waits(run, after=first)
    stage.album.scene = "branch-asked-again"
    shift.enter_in_active_directory(run)
    stage.ended("branch-ad", run)


def _forbidden_checkbox(stage: Stage) -> None:
    """Tick the checkbox that the article forbids, and have it put right."""
    stage.album.scene = "branch-consent"
    stage.say(
        "\n[bold]branch, Microsoft 365[/]: the person ticks [italic]Consent on behalf of your organization[/]. The tenant tells; "
        "a run of remediate_consent starts by itself, shows its plan, and waits for a yes."
    )
    site, world = stage.site, stage.site.world
    site.announce("cayosoft/branch/m365", world.rotate_entra("branch"))
    shift = stage.shift("branch")
    run = site.suspended_run_of("branch-m365")
    shift.enter_in_microsoft_365(run, tick=True)
    stage.ended("branch-m365", run)
    remedy = site.suspended_run_of("branch-m365")
    shift.prefect.open_run(remedy)
    shift.prefect.press_resume()
    shift.prefect.fill({"Decision": "Carry out the plan", "Your name": NAME})
    stage.album.keep(shift.prefect.page, "plan")
    shift.prefect.submit()
    stage.ended("the remediation of branch-m365", remedy)


def _in_place(stage: Stage) -> None:
    """Change a password in place when somebody is at the console, and not before."""
    stage.album.scene = "plant"
    stage.say(
        "\n[bold]plant[/]: the orchestrator changes a password in place. From then on the product cannot work until the new one is "
        "entered, so the run first asks whether somebody is at the console."
    )
    site = stage.site
    shift = stage.shift("plant")
    run = site.start("rotate_account_credentials/rotate", connection="plant-ad")
    first = site.waits(run)
    shift.prefect.open_run(run)
    shift.prefect.press_resume()
    stage.album.keep(shift.prefect.page, "are-you-ready")
    ready = "I am at the console: change the password"
    shift.prefect.fill({"Are you ready?": ready, "Your name": NAME})
    shift.prefect.submit()
    site.waits(run, after=first)
    shift.enter_in_active_directory(run)
    stage.ended("the rotation of plant-ad", run)
