"""Prefect: its server, who works for it, and whether what is deployed is what the files say."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cli.doctor import deployed, tls
from cli.doctor.model import Check, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.tls import door_of
from cli.doctor.words import many
from connectors.errors import NotFound, NotPermitted
from connectors.http import date_of

if TYPE_CHECKING:
    pass

DOORS = tls.doors("prefect", "Prefect's API")
POOL_OF_OURS = "account-rotation"
LATE = timedelta(minutes=30)
DEPLOY = "account-rotation deploy"


@check(
    "prefect.address",
    "a Prefect server is named",
    fault="No Prefect server is named.",
    fix="export PREFECT_API_URL=http://127.0.0.1:4200/api",
    warns=True,
)
def address(site: Site) -> str:
    """Without one, Prefect starts one for each run, and nothing is scheduled."""
    if site.prefect_address is None:
        raise Wrong(
            "PREFECT_API_URL is not set: runs by hand work, but nothing is scheduled, and nobody is told of anything.",
            "Name your server: export PREFECT_API_URL=http://127.0.0.1:4200/api (docs/operations.md, step 5)",
        )
    return site.prefect_address.url.rpartition("@")[2]


@check(
    "prefect.verified",
    "Prefect's certificate is looked at by its client",
    fault="Prefect's client looks at no certificate.",
    fix="unset PREFECT_API_TLS_INSECURE_SKIP_VERIFY",
)
def verified(site: Site) -> str:
    """Who answers in its place would be given the login."""
    if site.prefect_address and not site.prefect_address.verified:
        raise Wrong(
            "PREFECT_API_TLS_INSECURE_SKIP_VERIFY is on: whoever answers in the server's place is given its login.",
            "unset PREFECT_API_TLS_INSECURE_SKIP_VERIFY, and name the authority in PREFECT_API_SSL_CERT_FILE",
        )
    return "verified"


@check(
    "prefect.login",
    "Prefect's API answers and takes the login",
    fault="Prefect's API does not answer.",
    fix="Look at its service and its log: systemctl status account-rotation-server",
)
def login(site: Site) -> str:
    """Ask for its version."""
    refused = False
    try:
        version, answer = site.prefect.get("read version", "admin/version")
    except NotPermitted:
        refused = True
    except NotFound:
        version = None
    else:
        site.clock_of("Prefect", date_of(answer))
    if refused:
        raise Wrong(
            "Prefect's API does not take the login of this environment.",
            "Give PREFECT_API_AUTH_STRING as the server has it: "
            'export PREFECT_API_AUTH_STRING="$(cat /etc/account-rotation/secrets/prefect-auth)"',
        )
    if not isinstance(version, str):
        raise Wrong(
            "What answers at PREFECT_API_URL is not Prefect's API.",
            "Correct PREFECT_API_URL; it ends in /api: export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
    return f"version {version}"


@check(
    "prefect.version",
    "server and client are of the same version of Prefect",
    fault="The version of the server cannot be told.",
    fix="Install the version of requirements.lock on both sides (docs/operations.md, Upgrading).",
)
def version(site: Site) -> str:
    """Compare the first two numbers: the API changes between those."""
    import prefect  # noqa: PLC0415  takes a second

    theirs, _ = site.prefect.get("read version", "admin/version")
    ours = prefect.__version__
    if str(theirs).split(".")[:2] != ours.split(".")[:2]:
        raise Wrong(
            f"The Prefect server has version {theirs}, and this client {ours}.",
            "Install the version of requirements.lock on both sides, the server first (docs/operations.md, Upgrading).",
        )
    return f"server {theirs}, client {ours}"


@check(
    "prefect.analytics",
    "the server sends no statistics to its maker",
    fault="The server's settings cannot be read.",
    fix="Set PREFECT_SERVER_ANALYTICS_ENABLED=false for the server and start it again.",
    warns=True,
)
def analytics(site: Site) -> str:
    """It is on unless told."""
    if (_settings(site).get("server") or {}).get("analytics_enabled") is True:
        raise Wrong(
            "The Prefect server sends statistics about itself to its maker.",
            "Set PREFECT_SERVER_ANALYTICS_ENABLED=false in the server's environment, then: systemctl restart "
            "account-rotation-server",
        )
    return "off"


def _settings(site: Site) -> Mapping[str, Any]:
    found, _ = site.prefect.get("read settings", "admin/settings")
    return found if isinstance(found, dict) else {}


@check(
    "prefect.database",
    "SQLite has one worker at most",
    fault="The server's database cannot be told.",
    fix="Move Prefect to PostgreSQL (docs/operations.md, When it grows), or keep one worker.",
    warns=True,
)
def database(site: Site, pool: str) -> str:
    """Runs that write at the same time wait for each other there."""
    kind = _kind_of_database(_settings(site), _is_here(site))
    online = [worker for worker in _workers(site, pool) if worker.get("status") == "ONLINE"]
    if kind == "SQLite" and len(online) > 1:
        raise Wrong(
            f"Prefect keeps its data in SQLite, and {len(online)} workers are online: their runs wait for each other "
            "for seconds.",
            "Move Prefect to PostgreSQL (docs/operations.md, When it grows), or stop all workers but one.",
        )
    return f"{kind}, {many(len(online), 'worker')} online"


def _is_here(site: Site) -> bool:
    url = site.prefect_address.url if site.prefect_address else ""
    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")


def _kind_of_database(settings: Mapping[str, Any], here: bool) -> str:
    """Tell the kind of the server's database, as far as it can be told.

    NOTE: the server hides its connection URL, which may hold a password, and with it the kind. On this machine
    SQLite is known by its file, when something has been written to it lately.
    """
    said = (settings.get("server") or {}).get("database") or {}
    driver = str(said.get("driver") or ("postgresql" if said.get("host") else ""))
    if driver:
        return "PostgreSQL" if driver.startswith("postgresql") else "SQLite"
    file = Path(str(settings.get("home") or "/nonexistent"), "prefect.db")
    with contextlib.suppress(OSError, ValueError):
        newest = max(each.stat().st_mtime for each in (file, Path(f"{file}-wal")) if each.exists())
        if here and time.time() - newest < LATE.seconds:
            return "SQLite"
    return "a database whose kind the server does not tell"


@check(
    "prefect.work-pool",
    "the work pool is there and not paused",
    fault="The work pool cannot be looked at.",
    fix=DEPLOY,
)
def work_pool(site: Site, pool: str) -> str:
    """Runs wait in it for a worker."""
    found: dict[str, Any] | None = None
    with contextlib.suppress(NotFound):
        found, _ = site.prefect.get("read work pool", f"work_pools/{pool}")
    if found is None:
        raise Wrong(f"Prefect has no work pool {pool}: nothing is deployed there yet.", DEPLOY)
    if found.get("is_paused"):
        raise Wrong(
            f"The work pool {pool} is paused, so no run starts.", f"prefect work-pool resume {pool}"
        )
    limit = found.get("concurrency_limit")
    if limit == 0:
        raise Wrong(
            f"The work pool {pool} has a limit of 0 runs, so none starts.",
            f"prefect work-pool clear-concurrency-limit {pool}",
        )
    return f"{pool}, type {found.get('type')}"


@check(
    "prefect.queues",
    "every work queue of the pool is open",
    fault="The work queues cannot be looked at.",
    fix=DEPLOY,
)
def queues(site: Site, pool: str) -> str:
    """A paused queue starts nothing, and says nothing."""
    found = site.prefect.listed("read work queues", f"work_pools/{pool}/queues/filter")
    for queue in found:
        if queue.get("is_paused"):
            name = queue.get("name")
            raise Wrong(
                f"The work queue {pool}/{name} is paused, so its runs do not start.",
                f"prefect work-queue resume {name} --pool {pool}",
            )
    return ", ".join(
        f"{q.get('name')} {q.get('concurrency_limit') or 'without limit'}" for q in found
    )


@check(
    "prefect.worker",
    "a worker of the pool was heard of lately",
    fault="The workers cannot be looked at.",
    fix="systemctl start account-rotation-worker",
)
def worker(site: Site, pool: str) -> str:
    """Prefect calls one offline after three heartbeats that did not come."""
    found = _workers(site, pool)
    online = [item for item in found if item.get("status") == "ONLINE"]
    if not online:
        last = max((str(item.get("last_heartbeat_time") or "") for item in found), default="")
        seen = f"; the last one was heard of at {last[:16].replace('T', ' ')} UTC" if last else ""
        raise Wrong(
            f"No worker of the work pool {pool} is online, so no run starts{seen}.",
            f"systemctl start account-rotation-worker, or: prefect worker start --pool {pool}",
        )
    return ", ".join(str(item.get("name")) for item in online)


def _workers(site: Site, pool: str) -> list[dict[str, Any]]:
    return site.prefect.listed("read workers", f"work_pools/{pool}/workers/filter")


@check(
    "prefect.late-runs",
    f"no run waits for more than {LATE.seconds // 60} minutes",
    fault="The runs cannot be looked at.",
    fix="Look at them in the Prefect UI, under Runs, state Late.",
    warns=True,
)
def late_runs(site: Site, pool: str) -> str:
    """A worker that is online and does not start them is stuck, or the queue's limit is used up."""
    before = (datetime.now(UTC) - LATE).isoformat()
    query = {
        "flow_runs": {
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": {"before_": before},
        },
        "work_pools": {"name": {"any_": [pool]}},
    }
    found = site.prefect.listed("read flow runs", "flow_runs/filter", query)
    if found:
        oldest = min(str(item.get("expected_start_time")) for item in found)[:16].replace("T", " ")
        raise Wrong(
            f"{many(len(found), 'run')} could not be started yet, the oldest since {oldest} UTC, although a worker is online.",
            "Look for a run that holds its queue: prefect flow-run ls --state RUNNING, and at the worker's log: "
            "journalctl -u account-rotation-worker",
        )
    return "none"


@check(
    "prefect.messages",
    "every message of the last day has arrived",
    fault="The events cannot be looked at.",
    fix="Look at the event feed of the Prefect UI: prefect.automation.action.failed",
    warns=True,
)
def messages(site: Site) -> str:
    """Prefect does not repeat one that failed."""
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    wanted = {"event": {"name": ["prefect.automation.action.failed"]}, "occurred": {"since": since}}
    found = site.prefect.asked("read events", "events/filter", {"filter": wanted, "limit": 50})
    failed = found.get("events") or []
    if failed:
        raise Wrong(
            f"{many(len(failed), 'action')} of automations failed since yesterday: what they had to tell, nobody was told.",
            "Look at the event feed of the Prefect UI (prefect.automation.action.failed), and try the notification block: "
            "account-rotation deploy --notify-block TYPE/NAME",
        )
    return "no action failed"


def add(plan: Plan, site: Site) -> Check | None:
    """Add everything about Prefect; return the check that the API answers, None where no server is named."""
    named = plan.add(address.on("")())
    if site.prefect_address is None:
        return None
    url = site.prefect_address.url
    needs: list[Check | None] = [named]
    if url.startswith("https"):
        looked = plan.add(verified.on("", needs)())
        ca: Path | None = site.prefect_address.ca_file
        door = door_of(url, ca, "PREFECT_API_SSL_CERT_FILE", "PREFECT_API_URL")
        needs.append(DOORS.add(plan, "", door, looked))
    else:
        door = door_of(url, None, "", "PREFECT_API_URL", port=80)
        needs.append(plan.add(DOORS.reachable.on("", needs)(door)))
    answers = plan.add(login.on("", needs)())
    same = plan.add(version.on("", [answers])())
    plan.add(analytics.on("", [answers])())
    pool = POOL_OF_OURS
    there = plan.add(work_pool.on("", [answers])(pool))
    plan.add(queues.on("", [there])(pool))
    works = plan.add(worker.on("", [there])(pool))
    plan.add(database.on("", [there])(pool))
    deployed.add(plan, there, same)
    plan.add(late_runs.on("", [works])(pool))
    plan.add(messages.on("", [there])())
    return answers
