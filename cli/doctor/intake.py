"""The intake: whether it is up and ready, what waits in its spool, and its keys."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from cli.doctor import tls
from cli.doctor.model import Check, NotLooked, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.tls import door_of
from cli.doctor.words import many
from connectors.certificates import authority_dates
from connectors.errors import Unreachable
from connectors.http import build_client
from connectors.tls import tls_context
from connectors.vault.files import read_secret_file
from intake.keys import SecretLines, WebhookKeys
from intake.settings import PREFIX, IntakeSettings
from intake.spool import Counts, Spool

DOORS = tls.doors("intake", "the intake")
OLDEST_KEY = timedelta(days=365)
LONGEST_WAIT = timedelta(minutes=10)
NEARLY_FULL = 0.8
_TIMES = httpx.Timeout(connect=5, read=10, write=10, pool=5)


@check(
    "intake.settings",
    "the variables that begin with INTAKE_ are complete and fit together",
    fault="The settings of the intake are not usable.",
    fix="Set them as in deployments/systemd/account-rotation-intake.service.",
)
def settings(site: Site) -> str:
    """Read them for the others."""
    if not any(name.startswith(PREFIX) for name in os.environ):
        raise NotLooked("no variable INTAKE_... is set here; look where the intake runs")
    site.intake_settings = IntakeSettings()
    return f"spool {site.intake_settings.spool}"


def _settings(site: Site) -> IntakeSettings:
    if site.intake_settings is None:
        raise NotLooked("there are no settings of the intake")
    return site.intake_settings


@check(
    "intake.webhook-keys",
    "the keys and logins of the intake can be read, by this user and its group only",
    fault="The keys of the intake cannot be used.",
    fix='Make one: echo "whsec_$(openssl rand -base64 32)" > FILE && chmod 600 FILE',
)
def webhook_keys(site: Site) -> str:
    """Read every file and drop what is in it."""
    mine = _settings(site)
    keys = WebhookKeys(mine.webhook_keys_file, "INTAKE_WEBHOOK_KEYS_FILE").lines()
    if mine.audit_tokens_file:
        SecretLines(mine.audit_tokens_file, "INTAKE_AUDIT_TOKENS_FILE").lines()
    if mine.prefect_auth_file:
        read_secret_file(mine.prefect_auth_file, "INTAKE_PREFECT_AUTH_FILE")
    return f"{mine.webhook_keys_file}, {many(len(keys), 'key')}"


@check(
    "intake.key-age",
    f"the webhook keys were changed within {OLDEST_KEY.days} days",
    fault="The age of the webhook keys cannot be told.",
    fix="Change the key: docs/operations.md, Keys and logins.",
    warns=True,
)
def key_age(site: Site) -> str:
    """By the date of their file."""
    path = _settings(site).webhook_keys_file
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    age = datetime.now(UTC) - changed
    if age > OLDEST_KEY:
        raise Wrong(
            f"The webhook keys in {path} are {age.days} days old.",
            f'echo "whsec_$(openssl rand -base64 32)" >> {path}, give it to the sender, then remove the old line '
            "(docs/operations.md, Keys and logins).",
        )
    return f"{many(age.days, 'day')}"


def _address(site: Site, told: str | None) -> str:
    """Return where the intake answers: where it was told, else where its settings let it listen."""
    if told:
        return told.rstrip("/")
    mine = _settings(site)
    if not mine.port:
        raise NotLooked("INTAKE_PORT is 0, any port: name its address with --intake")
    if mine.tls_certificate:
        raise NotLooked("the intake speaks TLS itself: name its address with --intake https://...")
    host = "127.0.0.1" if mine.host in ("0.0.0.0", "::") else mine.host  # noqa: S104  compared only
    return f"http://{f'[{host}]' if ':' in host else host}:{mine.port}"


@check(
    "intake.alive",
    "the intake answers",
    fault="The intake does not answer.",
    fix="systemctl status account-rotation-intake",
)
def alive(site: Site, told: str | None) -> str:
    """Ask /healthz."""
    url = _address(site, told)
    status, report = _ask(url, "healthz")
    if status != 200 or report.get("status") != "up":
        raise Wrong(
            f"What answers at {url} is not the intake (status {status}).",
            "Correct INTAKE_HOST and INTAKE_PORT, or --intake; see who listens there: ss -ltnp",
        )
    return url


@check(
    "intake.ready",
    "the intake accepts news",
    fault="Whether the intake accepts news cannot be told.",
    fix="journalctl -u account-rotation-intake",
)
def ready(site: Site, told: str | None) -> str:
    """Ask /readyz; it says itself what is wrong."""
    _, report = _ask(_address(site, told), "readyz")
    if not report.get("ready"):
        for name in ("spool", "keys", "dispatcher"):
            part = report.get(name) or {}
            if part.get("fine") is not True:
                raise Wrong(
                    f"The intake accepts no news: {name} not in order.",
                    str(part.get("what_to_do") or "systemctl restart account-rotation-intake"),
                )
        raise Wrong(
            "The intake says that it is not ready.", "systemctl restart account-rotation-intake"
        )
    return str(report.get("status"))


@check(
    "intake.systems",
    "the intake reaches Prefect and Vault",
    fault="What the intake reaches cannot be told.",
    fix="journalctl -u account-rotation-intake",
)
def systems(site: Site, told: str | None) -> str:
    """What it saw itself: it has a login and a network of its own."""
    _, report = _ask(_address(site, told), "readyz")
    for name in ("inventory", "prefect", "vault", "hints"):
        part = report.get(name) or {}
        if part.get("fine") is False:
            raise Wrong(
                f"The intake has trouble with {name} ({part.get('kind')}); news waits meanwhile.",
                str(part.get("what_to_do") or "journalctl -u account-rotation-intake"),
            )
    return str(report.get("status"))


def _ask(url: str, path: str) -> tuple[int, dict[str, Any]]:
    """Return status and report. A 503 is an answer here: /readyz gives its reasons with it."""
    cause = ""
    with build_client(url, tls_context(None, "intake"), timeout=_TIMES) as client:
        try:
            answer = client.get(f"/{path}")
        except httpx.HTTPError as error:
            cause = type(error).__name__
    if cause:
        raise Unreachable("intake", f"read {path}", url=url, cause=cause)
    try:
        found = answer.json()
    except ValueError:
        found = None
    return answer.status_code, found if isinstance(found, dict) else {}


@check(
    "intake.certificate-file",
    f"the certificate that the intake itself shows lasts at least {tls.ENOUGH_DAYS} days",
    fault="The certificate of the intake cannot be read.",
    fix="Write a new one to INTAKE_TLS_CERTIFICATE and INTAKE_TLS_KEY, then: systemctl restart account-rotation-intake",
    warns=True,
)
def certificate_file(site: Site) -> str:
    """Read the file, where the intake speaks TLS itself."""
    path = _settings(site).tls_certificate
    if path is None:
        return "a proxy ends TLS before it, or nobody does"
    dates: tuple[datetime, ...] = ()
    with contextlib.suppress(OSError, ValueError):
        dates = authority_dates(path.read_bytes())
    if not dates:
        raise Wrong(
            f"INTAKE_TLS_CERTIFICATE, {path}, holds no certificate in PEM form that can be read."
        )
    days = (min(dates) - datetime.now(UTC)).days
    if days < tls.ENOUGH_DAYS:
        raise Wrong(
            f"The certificate of the intake, {path}, ends in {many(days, 'day')}, on {min(dates):%Y-%m-%d}."
        )
    return f"{path}, {many(days, 'day')}"


@check(
    "intake.spool",
    "the spool can be read and has room",
    fault="The spool cannot be read.",
    fix="Look at its folder and rights: ls -l; it belongs to the user account-rotation-intake.",
)
def spool(site: Site) -> str:
    """Count what is in it."""
    limits = _settings(site).limits
    counts = _counts(site)
    if counts.waiting + counts.dead > NEARLY_FULL * limits.rows:
        raise Wrong(
            f"The spool holds {counts.waiting} waiting and {counts.dead} dead hints of {limits.rows}: soon it takes no more.",
            "See why they wait: account-rotation spool list --state waiting; INTAKE_SPOOL_ROWS says how many it holds.",
        )
    return f"{counts.waiting} waiting, {counts.dead} dead, {counts.delivered} delivered"


@check(
    "intake.dead-letters",
    "no hint is dead",
    fault="The spool cannot be read.",
    fix="account-rotation spool list --state dead",
    warns=True,
)
def dead_letters(site: Site) -> str:
    """One that could not become an update waits for a person."""
    if dead := _counts(site).dead:
        raise Wrong(
            f"{many(dead, 'hint')} could not become an update.",
            "See why: account-rotation spool list --state dead; then account-rotation spool replay NUMBER, or drop NUMBER.",
        )
    return "none"


@check(
    "intake.oldest",
    f"no hint waits for more than {LONGEST_WAIT.seconds // 60} minutes",
    fault="The spool cannot be read.",
    fix="account-rotation spool list --state waiting",
)
def oldest(site: Site) -> str:
    """Prefect or Vault is away from where the intake is, or the intake is not running."""
    since = _counts(site).oldest
    if since is None:
        return "none waits"
    waits = datetime.now(UTC) - datetime.fromtimestamp(since, UTC)
    if waits > LONGEST_WAIT:
        raise Wrong(
            f"A hint waits for {int(waits.total_seconds() // 60)} minutes already.",
            "See what it waits for: account-rotation spool list --state waiting; and whether the intake runs: "
            "systemctl status account-rotation-intake",
        )
    return f"{waits.total_seconds():.0f} s"


def _counts(site: Site) -> Counts:
    mine = _settings(site)
    if not mine.spool.exists():
        raise NotLooked(
            f"the spool {mine.spool} is not there yet: the intake has never been started"
        )
    with Spool(mine.spool, mine.limits, create=False) as opened:
        return opened.counts()


def add(plan: Plan, site: Site, systems_are_there: tuple[Check | None, ...]) -> None:
    """Add everything about the intake. What it sees of other systems is looked at where they are right here."""
    mine = plan.add(settings.on("")())
    url = site.choices.intake
    here = any(name.startswith(PREFIX) for name in os.environ)
    read: Check | None = None
    if here:
        keys = plan.add(webhook_keys.on("", [mine])())
        plan.add(key_age.on("", [keys])())
        plan.add(certificate_file.on("", [mine])())
        read = plan.add(spool.on("", [mine])())
        plan.add(dead_letters.on("", [read])())
    if not (here or url):
        return
    there: Check | None = mine
    if url:
        secure = url.startswith("https")
        door = door_of(url, None, "SSL_CERT_FILE", "--intake")
        there = DOORS.add(plan, "", door) if secure else None
    up = plan.add(alive.on("", [there])(url))
    goes = plan.add(ready.on("", [up])(url))
    plan.add(systems.on("", [goes, *systems_are_there])(url))
    if read:
        plan.add(oldest.on("", [read, *systems_are_there], after=[goes])())
