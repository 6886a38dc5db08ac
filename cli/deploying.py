"""``account-rotation deploy``: work pool, queues, deployments and automations on a Prefect server, repeatable."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

# Before Prefect is imported: its own lines would mix with ours.
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import get_current_settings
from rich.console import Console
from rich.text import Text

from cli import prefect_server as server
from cli.deployments import Checked, check
from cli.output import write_json
from connectors.errors import InvalidInput, NotFound

NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Did:
    """One thing on the server, and what became of it."""

    kind: str
    name: str
    did: str
    why: str = ""


@dataclass(slots=True)
class Deployed:
    """What the command did, in the order it did it."""

    url: str
    things: list[Did] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: str, name: str, did: str, why: str = "") -> None:
        """Remember one thing."""
        self.things.append(Did(kind, name, did, why))

    @property
    def verdict(self) -> str:
        """One sentence: whether everything of the files is on the server, and how much was new."""
        count = Counter(thing.did for thing in self.things)
        changed = ", ".join(
            f"{count[did]} {did}"
            for did in (server.CREATED, server.CHANGED, server.AS_IT_WAS, server.LEFT_OUT)
            if count[did]
        )
        word = "Deployed, but not everything" if count[server.LEFT_OUT] else "Deployed"
        return f"{word}: {changed}, on {self.url}"


def deploy(
    prefect_yaml: Path,
    automations_yaml: Path,
    notify_block: str | None,
    *,
    as_json: bool,
    console: Console,
) -> Deployed:
    """Check both files, then bring the server that PREFECT_API_URL names to what they say.

    Raises FileProblems before anything is touched, InvalidInput where no server or block is named rightly,
    Unreachable, NotPermitted or Refused as Prefect answers. Whatever it did so far is found again by the next run.
    """
    checked = check(prefect_yaml, automations_yaml)
    url = get_current_settings().api.url
    if not url:
        raise InvalidInput(
            "prefect",
            "find the server",
            setting="PREFECT_API_URL",
            advice="Name your server, for example: export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
    shown = _without_login(url)
    done = Deployed(shown)
    with server.speaking(shown, "deploy"), get_client(sync_client=True) as client:
        block = _notification_block(client, done, notify_block)
        _pools(client, done, checked)
        deployments = _deployments(client, done, checked)
        _automations(client, done, checked, block, deployments)
        _look_around(client, done, checked)
    if as_json:
        write_json({**asdict(done), "verdict": done.verdict})
    else:
        _show(console, done)
    return done


def _without_login(url: str) -> str:
    """Return an address without the user and password that somebody may have put into it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _notification_block(
    client: SyncPrefectClient, done: Deployed, named: str | None
) -> UUID | None:
    """Find the block that is named now, or was the last time."""
    if named:
        found = server.block_id(client, named)
        did = server.keep_variable(client, server.NOTIFY_VARIABLE, named)
        done.add("variable", server.NOTIFY_VARIABLE, did, named)
        return found
    remembered = client.read_variable_by_name(server.NOTIFY_VARIABLE)
    if remembered is None:
        return None
    done.add("variable", server.NOTIFY_VARIABLE, server.AS_IT_WAS, str(remembered.value))
    return server.block_id(client, str(remembered.value))


def _pools(client: SyncPrefectClient, done: Deployed, checked: Checked) -> None:
    pools = sorted({entry.work_pool.name for entry in checked.deployments})
    for pool in pools:
        done.add("work pool", pool, server.make_pool(client, pool))
    for entry in checked.deployments:
        place = entry.work_pool
        did, limit = server.make_queue(client, place.name, place.work_queue_name)
        why = f"{limit} at the same time"
        done.add("work queue", f"{place.name}/{place.work_queue_name}", did, why)


def _deployments(client: SyncPrefectClient, done: Deployed, checked: Checked) -> dict[str, UUID]:
    names = [entry.full_name for entry in checked.deployments]
    before = {name: server.told(server.read_deployment(client, name)) for name in names}
    server.deploy_all(checked.prefect_yaml)
    ids = {}
    for entry in checked.deployments:
        name = entry.full_name
        made = server.read_deployment(client, name)
        if made is None:
            raise NotFound(
                "prefect",
                "deploy",
                deployment=name,
                advice="Run this to see why: prefect --no-prompt deploy --all",
            )
        after = server.told(made)
        changed = server.CHANGED if before[name] else server.CREATED
        did = server.AS_IT_WAS if after == before[name] else changed
        when = ", ".join(f"{item.cron} {item.timezone}" for item in entry.schedules)
        done.add("deployment", name, did, when or "no schedule")
        ids[name] = made.id
    return ids


def _automations(
    client: SyncPrefectClient,
    done: Deployed,
    checked: Checked,
    block: UUID | None,
    deployments: dict[str, UUID],
) -> None:
    existing = server.ours(client)
    for wanted in checked.automations.automations:
        if wanted.notifies and block is None:
            done.add("automation", wanted.name, server.LEFT_OUT, "no notification block is named")
            continue
        did = server.apply(client, wanted, existing, block or NOBODY, deployments)
        paused = any(item.name == wanted.name and not item.enabled for item in existing)
        done.add("automation", wanted.name, did, "paused on the server" if paused else "")
    names = Counter(item.name for item in existing)
    wanted_names = {item.name for item in checked.automations.automations}
    for name in sorted(names):
        if name not in wanted_names:
            done.notes.append(f"The automation '{name}' is on the server and not in the file.")
        elif names[name] > 1:
            done.notes.append(f"The automation '{name}' exists {names[name]} times: delete one.")
    if any(thing.did == server.LEFT_OUT for thing in done.things):
        done.notes.append(
            "Nobody is told when a person is needed. Create a notification block in the Prefect UI (Blocks), "
            "then run: account-rotation deploy --notify-block TYPE/NAME"
        )


def _look_around(client: SyncPrefectClient, done: Deployed, checked: Checked) -> None:
    for pool in sorted({entry.work_pool.name for entry in checked.deployments}):
        if not server.workers_online(client, pool):
            done.notes.append(
                f"No worker is online, so no run starts. Start one: prefect worker start --pool {pool}"
            )


def _show(console: Console, done: Deployed) -> None:
    for thing in done.things:
        why = f" ({thing.why})" if thing.why else ""
        console.print(Text(f"{thing.did:>9}  {thing.kind} {thing.name}{why}"), soft_wrap=True)
    for note in done.notes:
        console.print(Text(note), style="yellow", soft_wrap=True)
    console.print(Text(done.verdict), style="bold", soft_wrap=True)
