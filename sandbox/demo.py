"""The main job on the embedded sandbox: it is installed, Vault's news update two services, each kind is rotated.

Everything that is said at the end was looked at: the consoles sign in, the test users are gone, no secret
is in anything that Prefect keeps.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox import canary, notifications
from sandbox.installation import Installation, environment_of, installed
from sandbox.standin.process import StandIn
from sandbox.world import World, running

EXPECTED = {
    "hq-ad": "Ready",
    "hq-m365": "Ready",
    "branch-ad": "Ready",
    "branch-m365": "Remediation required",
}
"""End state of each update that the news from Vault leads to."""

WHY = {
    "hq": "Everything can be granted in its tenant.",
    "branch": "Its tenant withholds one permission, and granted another one to the whole organization long ago.",
}
ROTATIONS = {
    "plant-ad": "One account, changed in place: from setting its password to saving it there is a gap, and it is told.",
    "plant-m365": "The same in Entra ID.",
    "depot-ad": "Two accounts that take turns: the one in use is never touched, and the other one retires.",
    "depot-m365": "The same in Entra ID.",
}
"""What is rotated by the orchestrator itself, and what is to be seen there."""

SERVICES = ("hq", "branch", "plant", "depot")
ENVIRONMENT = "environment.sh"
EXTENSIONS = {"active_directory": "Active Directory", "microsoft_365": "Entra ID"}


@dataclass
class Check:
    """One thing that the demo looked at after the runs."""

    what: str
    held: bool
    seen: str


@contextmanager
def sandbox_with_prefect(
    folder: Path,
    directory: str = "active_directory",
    prefect_port: int = 0,
    *,
    services: Sequence[str] = SERVICES,
    driver: str = "bridge",
) -> Iterator[tuple[World, StandIn]]:
    """Start the sandbox and a real Prefect server, side by side."""
    with ExitStack() as stack:
        home = folder / "prefect"
        prefect = stack.enter_context(
            StandIn.start(
                "sandbox.prefect_server",
                {"home": str(home), "port": prefect_port},
                folder / "prefect.log",
            )
        )
        world = stack.enter_context(
            running(folder, directory, services=services, grace_period_hours=0, driver=driver)
        )
        world.environment.update(
            PREFECT_HOME=str(home),
            PREFECT_API_URL=f"{prefect.url}/api",
            PREFECT_UI_URL=prefect.url,
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
        )
        direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost")))
        world.environment.update(NO_PROXY=direct, no_proxy=direct)  # also behind a proxy
        yield world, prefect


def command_line(world: World, *arguments: str) -> int:
    """Run ``account-rotation`` as a person would, in a process of its own; return its exit code."""
    console_line = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(console_line, env=environment_of(world), check=False).returncode


def demo(console: Console, folder: Path, *, keep: bool, directory: str, prefect_port: int) -> int:
    """Run the demo; return 0 when everything was as expected."""
    began = time.monotonic()
    console.rule("[bold]Account rotation: demo on the embedded sandbox")
    console.print("Starting Prefect, Vault, Active Directory, Entra ID and four consoles ...")
    with (
        sandbox_with_prefect(folder, directory, prefect_port) as (world, prefect),
        notifications.listening(prefect.url) as chat,
    ):
        show_addresses(console, world, prefect, prefect_port)
        console.print(
            "\n[bold]Installing[/]: Prefect knows nothing yet, but for a notification block, which leads to a chat here."
        )
        deploy = ("deploy", "--notify-block", notifications.BLOCK)
        console.print(f"$ account-rotation {' '.join(deploy)}", style="bold cyan")
        codes = {"deploy": command_line(world, *deploy)}
        console.print(
            "\nStarting a worker and the intake:\n"
            "[bold cyan]$ prefect worker start --pool account-rotation\n$ account-rotation listen[/]"
        )
        with installed(world, prefect.url) as site:
            console.print(f"The intake listens at {site.intake}/hooks/vault .")
            ends: dict[str, str] = {}
            for service, why in WHY.items():
                ends |= _news(console, site, service, why)
            remedied = [_told(console, chat), _remedied(console, site)]
        for connection, what in ROTATIONS.items():
            console.print(
                f"\n[bold]{connection}[/]: the orchestrator makes a new password. {what} It must end: Ready."
            )
            console.print(f"$ account-rotation rotate {connection}", style="bold cyan")
            world.collect_canaries()
            codes[connection] = command_line(world, "rotate", connection)
        checks = [*_checks(world, folder, codes, ends), *remedied, *_gaps(prefect)]
        show_checks(console, checks)
        passed = all(check.held for check in checks)
        seconds = time.monotonic() - began
        if passed:
            console.print(
                f"[bold green]DEMO PASSED[/] in {seconds:.0f} s: every state above is the expected one"
            )
        else:
            console.print(f"[bold red]DEMO FAILED[/] after {seconds:.0f} s")
        if keep:
            console.print(f"\nLook at {prefect.url}/runs and {prefect.url}/artifacts .")
            show_how_to_use(console, world, prefect)
            stay(console)
    return 0 if passed else 1


def _news(console: Console, site: Installation, service: str, why: str) -> dict[str, str]:
    """Rotate both accounts of a service in Vault, send the news, and show what the runs came to."""
    world = site.world
    console.print(
        f"\n[bold]{service}[/]: somebody rotates both accounts. The directories and Vault now hold new passwords; "
        f"the console still holds the old ones. {why} Vault's side sends a signed message for each."
    )
    since, began = datetime.now(UTC), time.monotonic()
    site.announce(f"cayosoft/{service}/ad", world.rotate_ad(service))
    site.announce(f"cayosoft/{service}/m365", world.rotate_entra(service))
    ends = {}
    for connection in (f"{service}-ad", f"{service}-m365"):
        run = site.run_of(connection, since)
        ends[connection] = run["state_name"]
        took = time.monotonic() - began
        colour = "green" if run["state_type"] == "COMPLETED" else "yellow"
        console.print(
            f"  {connection}: [{colour}]{run['state_name']}[/] {took:.1f} s after the message was accepted"
        )
        console.print(f"    {site.prefect}/runs/flow-run/{run['id']}", style="dim", soft_wrap=True)
        _show_report(console, site.prefect, connection)
    return ends


def _told(console: Console, chat: notifications.Chat) -> Check:
    """Show what somebody was told of the consent that is not complete."""
    message = chat.about("branch-m365")
    if message:
        console.print(f"\n[bold]The chat[/] was told: {message.subject}")
        console.print(Text(f"    {message.body}".replace("\n", "\n    "), "dim"))
    seen = message.subject if message else "nothing arrived"
    return Check("somebody is told of branch-m365", message is not None, seen)


def _remedied(console: Console, site: Installation) -> Check:
    """Show the plan that a run of remediate_consent waits with, say yes as a person would, and see it end."""
    run = site.suspended_run_of("branch-m365")
    console.print(
        "\n[bold]A run of remediate_consent[/] has started by itself and waits for a person. Its form says:"
    )
    console.print(f"    {site.prefect}/runs/flow-run/{run}", style="dim", soft_wrap=True)
    for line in filter(str.strip, site.form_of(run).splitlines()):
        console.print(Text(f"    {_unmarked(line)}", "dim"))
    console.print("The demo answers as a person who has read it: [bold]Carry out the plan[/].")
    began = time.monotonic()
    site.answer(run, decision="Carry out the plan", approved_by="the demo")
    ended = site.end_of(run)
    took = time.monotonic() - began
    console.print(f"  branch-m365: [green]{ended}[/] {took:.1f} s after the answer")
    _show_report(console, site.prefect, "branch-m365")
    return Check(
        "a person's yes to the plan of branch-m365 leads to: Ready", ended == "Ready", ended
    )


def _unmarked(line: str) -> str:
    """Return a line of Markdown without its marks."""
    plain = re.sub(r"(?<!\\)(?:\*\*|`|^#+ )", "", line.strip())
    return re.sub(r"\\(.)", r"\1", plain)


def _show_report(console: Console, prefect: str, connection: str) -> None:
    """Print the findings and the evidence of a report, as they stand in Prefect."""
    answer = httpx.get(f"{prefect}/api/artifacts/{connection}/latest", trust_env=False)
    report = answer.json()["data"]
    evidence = report.partition("### Evidence")[2].partition("\n## ")
    consent = re.search(r"^## Consent: (.+)$", report, re.MULTILINE)
    if consent:
        console.print(f"    Consent: [bold]{consent[1]}[/]")
    for line in evidence[0].strip().splitlines():
        said = _unmarked(line.removeprefix("- "))
        if " not run: " not in said:
            console.print(Text(f"    {said}", "dim"), overflow="ellipsis", no_wrap=True)
    for code in re.findall(r"\(`([a-z0-9.-]+)`\)", report):
        console.print(f"    finding: [yellow]{code}[/]")


def show_addresses(console: Console, world: World, prefect: StandIn, wished_port: int) -> None:
    """Print where to look."""
    if wished_port and not prefect.url.endswith(f":{wished_port}"):
        console.print(f"Port {wished_port} is taken; Prefect has another one.")
    places = {
        "Prefect UI": f"{prefect.url}/dashboard",
        **{name: stand_in.url for name, stand_in in world.stand_ins().items()},
        "console accounts": str(world.console_accounts_file),
        "inventory": str(world.inventory_file),
    }
    for name, place in places.items():
        # Not a table: an address that was cut or broken cannot be opened.
        console.print(Text.assemble(f"  {name:<28} ", (place, "bold cyan")), soft_wrap=True)


def _checks(world: World, folder: Path, codes: dict[str, int], ends: dict[str, str]) -> list[Check]:
    deployed = f"exit code {codes['deploy']}"
    checks = [Check("everything is deployed", not codes["deploy"], deployed)]
    for connection, state in EXPECTED.items():
        what = f"the news of {connection} leads to: {state}"
        checks.append(Check(what, ends[connection] == state, ends[connection]))
    for connection in ROTATIONS:
        seen = f"exit code {codes[connection]}"
        checks.append(
            Check(f"the rotation of {connection} ends: Ready", not codes[connection], seen)
        )
    return [*checks, *checks_of_systems(world, folder, SERVICES)]


def checks_of_systems(world: World, folder: Path, services: Sequence[str]) -> list[Check]:
    """Look whether the consoles sign in, and that no test user, lock or secret was left."""
    checks = []
    for service in services:
        for extension, system in EXTENSIONS.items():
            signs_in = world.console_signs_in(service, extension)
            what = f"the console of {service} signs in to {system}"
            checks.append(Check(what, signs_in, "signed in" if signs_in else "refused"))
    left = test_users(world)
    checks.append(Check("no test user is left", not left, ", ".join(left) or "none"))
    locked = world.locked_accounts()
    checks.append(Check("no account is locked", not locked, ", ".join(locked) or "none"))
    world.collect_canaries()
    hits = canary.scan([folder / "prefect"], world.canaries)
    seen = ", ".join(f"{hit.file.name} ({hit.encoding})" for hit in hits)
    scanned = f"none of {len(world.canaries)}"
    checks.append(Check("no secret is in what Prefect keeps", not hits, seen or scanned))
    return checks


def _gaps(prefect: StandIn) -> list[Check]:
    """Read the gap of every rotation from its report, where an auditor would."""
    checks = []
    for connection in ROTATIONS:
        answer = httpx.get(f"{prefect.url}/api/artifacts/{connection}/latest", trust_env=False)
        found = re.search(r"^\*\*Gap:\*\* (.+)$", answer.json()["data"], re.MULTILINE)
        told = re.sub(r"\\(.)", r"\1", found[1]).partition(" (")[0] if found else "not told"
        none = told.startswith("none")
        checks.append(
            Check(
                f"the report tells the gap of {connection}",
                none is connection.startswith("depot"),
                told,
            )
        )
    return checks


def test_users(world: World) -> list[str]:
    """Return the test users that are still there, in every directory."""
    left = world.directory_search("(sAMAccountName=rot-*)")
    for tenant in world.tenants.values():
        users = tenant.state()["users"]
        left += [u["upn"] for u in users if u["upn"].startswith("rot-") and not u["deleted"]]
    return left


def show_checks(console: Console, checks: list[Check]) -> None:
    """Print what was looked at, and what held."""
    table = Table(title="What was looked at afterwards", title_justify="left", title_style="bold")
    for column in ("check", "held", "seen"):
        table.add_column(column)
    for check in checks:
        held = Text("yes", "green") if check.held else Text("NO", "bold red")
        table.add_row(check.what, held, check.seen)
    console.print()
    console.print(table)


def told_to_others(world: World, prefect: StandIn) -> dict[str, Any]:
    """Return where everything is, for a program: addresses and side doors by the name of each stand-in."""
    return {
        "folder": str(world.folder),
        "environment": str(world.folder / ENVIRONMENT),
        "prefect": prefect.url,
        "stand_ins": {
            name: {"url": item.url, "control": item.endpoints["control"]}
            for name, item in world.short_names().items()
        },
    }


def show_how_to_use(console: Console, world: World, prefect: StandIn) -> None:
    """Write the settings of this sandbox for a shell, and print how another terminal uses them."""
    told = world.folder / "sandbox.json"
    told.write_text(json.dumps(told_to_others(world, prefect)))
    settings = world.folder / ENVIRONMENT
    named = {**world.environment, "ROTATION_SANDBOX": str(told)}
    lines = [f"export {k}={shlex.quote(v)}\n" for k, v in named.items()]
    here = shlex.quote(str(Path(sys.executable).parent))
    settings.write_text("".join([*lines, f'export PATH={here}:"$PATH"\n']))
    console.print(
        "In another terminal of the same user:\n\n"
        f"  . {settings}\n"
        "  account-rotation update hq\n\n"
        "Press Ctrl-C here to end and remove everything.",
        soft_wrap=True,
    )


def stay(console: Console) -> None:
    """Wait until somebody stops us."""
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may be gone
            console.print("Stopping.")
