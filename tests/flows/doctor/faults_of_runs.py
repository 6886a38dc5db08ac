"""Faults of Prefect, the intake and the ledgers, each with what doctor must say of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from cli.doctor.model import Area
from cli.prefect_server import NOTIFY_VARIABLE
from connectors.ledger import Applied, Holder
from connectors.rotation import Retirement, Rotation, Trouble
from intake.hints import Hint, Source
from intake.spool import Spool
from sandbox import notifications
from tests.flows.doctor.planting import planted
from tests.flows.doctor.site import POOL, WORKER, Site

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


# -- Prefect ----------------------------------------------------------------------------------------


@planted(
    "prefect.reachable",
    fault="connection is refused",
    fix="nc -vz",
    areas=(Area.PREFECT, Area.INTAKE),
)
def _prefect_is_away(site: Site) -> Iterator[None]:
    url, site.server.url = site.server.url, "http://127.0.0.1:9"
    site.away = True
    yield
    site.server.url = url
    site.away = False


@planted(
    "prefect.worker",
    fault="No worker",
    fix="prefect worker start --pool account-rotation",
    areas=(Area.PREFECT,),
)
def _no_worker(site: Site) -> Iterator[None]:
    site.call("DELETE", f"/work_pools/{POOL}/workers/{WORKER}")
    site.away = True
    yield
    site.away = False


@planted(
    "prefect.database",
    fault="2 workers are online",
    fix="PostgreSQL",
    warns=True,
    areas=(Area.PREFECT,),
)
def _two_workers_on_sqlite(site: Site) -> Iterator[None]:
    site.beat("another-worker")
    yield
    site.call("DELETE", f"/work_pools/{POOL}/workers/another-worker")


@planted(
    "prefect.work-pool", fault="is paused", fix="prefect work-pool resume", areas=(Area.PREFECT,)
)
def _a_paused_pool(site: Site) -> Iterator[None]:
    site.call("PATCH", f"/work_pools/{POOL}", {"is_paused": True})
    yield
    site.call("PATCH", f"/work_pools/{POOL}", {"is_paused": False})


@planted(
    "prefect.queues",
    fault="account-rotation/verify is paused",
    fix="prefect work-queue resume verify",
    areas=(Area.PREFECT,),
)
def _a_paused_queue(site: Site) -> Iterator[None]:
    path = f"/work_pools/{POOL}/queues/verify"
    site.call("PATCH", path, {"is_paused": True})
    yield
    site.call("PATCH", path, {"is_paused": False})


@planted(
    "prefect.deployments",
    fault="rotate_due_connections/rotate-due (parameters)",
    fix="account-rotation deploy",
    areas=(Area.PREFECT,),
)
def _a_deployment_that_somebody_changed(site: Site) -> Iterator[None]:
    found = site.deployment("rotate_due_connections/rotate-due")
    path = f"/deployments/{found['id']}"
    site.call("PATCH", path, {"parameters": {"older_than_days": 90}})
    yield
    site.call("PATCH", path, {"parameters": found["parameters"]})


@planted(
    "prefect.files",
    fault="shedules",
    fix="python -m cli.deployments --check",
    areas=(Area.PREFECT,),
)
def _a_mistake_in_prefect_yaml(site: Site) -> Iterator[None]:
    wrong = site.world.folder / "prefect.yaml"
    wrong.write_text(site.choices.prefect_yaml.read_text().replace("schedules:", "shedules:"))
    with site.choosing(prefect_yaml=wrong):
        yield


@planted(
    "prefect.schedules",
    fault="verify_connections/verify",
    fix="Prefect UI",
    warns=True,
    areas=(Area.PREFECT,),
)
def _a_paused_deployment(site: Site) -> Iterator[None]:
    path = f"/deployments/{site.deployment('verify_connections/verify')['id']}"
    site.call("PATCH", path, {"paused": True})
    yield
    site.call("PATCH", path, {"paused": False})


@planted(
    "prefect.automations",
    fault="account-rotation: no worker",
    fix="prefect automation resume --id",
    areas=(Area.PREFECT,),
)
def _a_paused_automation(site: Site) -> Iterator[None]:
    (found,) = [
        item
        for item in site.call("POST", "/automations/filter", {})
        if item["name"] == "account-rotation: no worker"
    ]
    site.call("PATCH", f"/automations/{found['id']}", {"enabled": False})
    yield
    site.call("PATCH", f"/automations/{found['id']}", {"enabled": True})


@planted(
    "prefect.notification",
    fault="Nobody is told",
    fix="--notify-block TYPE/NAME",
    warns=True,
    areas=(Area.PREFECT,),
)
def _nobody_to_tell(site: Site) -> Iterator[None]:
    site.call("DELETE", f"/variables/name/{NOTIFY_VARIABLE}")
    yield
    body = {"name": NOTIFY_VARIABLE, "value": notifications.BLOCK}
    site.call("POST", "/variables/", body)


@planted(
    "prefect.late-runs",
    fault="1 run could not be started",
    fix="journalctl -u account-rotation-worker",
    warns=True,
    areas=(Area.PREFECT,),
)
def _a_run_that_does_not_start(site: Site) -> Iterator[None]:
    path = f"/deployments/{site.deployment('verify_connections/verify')['id']}/create_flow_run"
    scheduled = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": scheduled}}
    run = site.call("POST", path, {"state": state})
    yield
    site.call("DELETE", f"/flow_runs/{run['id']}")


# -- the intake -------------------------------------------------------------------------------------


@planted(
    "intake.alive",
    fault="does not answer",
    fix="systemctl status account-rotation-intake",
    areas=(Area.INTAKE,),
)
def _the_intake_is_away(site: Site) -> Iterator[None]:
    with site.choosing(intake="http://127.0.0.1:9"):
        yield


@planted("intake.alive", fault="is not the intake", fix="--intake", areas=(Area.INTAKE,))
def _somebody_else_answers(site: Site) -> Iterator[None]:
    with site.choosing(intake=site.server.url):
        yield


@planted(
    "intake.key-age",
    fault="400 days old",
    fix="openssl rand -base64 32",
    warns=True,
    areas=(Area.INTAKE,),
)
def _an_old_key(site: Site) -> Iterator[None]:
    before = site.keys.stat().st_mtime
    old = time.time() - 400 * 86_400
    os.utime(site.keys, (old, old))
    yield
    os.utime(site.keys, (before, before))


@planted("intake.settings", fault="settings of the intake", fix="INTAKE_PROT", areas=(Area.INTAKE,))
def _a_misspelt_setting(site: Site) -> Iterator[None]:
    with site.variable("INTAKE_PROT", "1"):
        yield


@contextmanager
def _left(site: Site, state: str, since: float) -> Iterator[None]:
    """Use a spool in which a hint was left, as hours of trouble would."""
    file = site.world.folder / f"spool-{state}.sqlite"
    with Spool(file) as spool:
        spool.add([Hint("kv", "cayosoft/nobody/ad", 1, Source.WEBHOOK, "msg")])
        with spool._open() as line:
            line.execute("UPDATE hints SET state = ?, since = ?", (state, since))
    with site.variable("INTAKE_SPOOL", str(file)):
        yield


@planted(
    "intake.dead-letters",
    fault="1 hint could not become",
    fix="account-rotation spool list --state dead",
    warns=True,
    areas=(Area.INTAKE,),
)
def _a_dead_letter(site: Site) -> Iterator[None]:
    with _left(site, "dead", time.time()):
        yield


@planted(
    "intake.oldest",
    fault="A hint waits for 60 minutes",
    fix="account-rotation spool list --state waiting",
    areas=(Area.INTAKE,),
)
def _a_hint_that_waits(site: Site) -> Iterator[None]:
    with _left(site, "waiting", time.time() - 3600):
        yield


# -- ledgers ----------------------------------------------------------------------------------------


@planted(
    "ledger.readable",
    "hq-ad",
    fault="its schema is 99",
    fix="Install the version that wrote it",
    areas=(Area.LEDGERS,),
)
def _a_ledger_of_a_newer_version(site: Site) -> Iterator[None]:
    text = json.dumps({"schema": 99, "connection": "hq-ad"})
    with site.ledger_text("hq-ad", text):
        yield


@planted(
    "ledger.person",
    "plant-ad",
    fault="needs a person",
    fix="Unlock the account",
    areas=(Area.LEDGERS,),
)
def _a_connection_that_waits_for_a_person(site: Site) -> Iterator[None]:
    trouble = Trouble(
        cycles=5, since=NOW - DAY, outcome="Refused", reason="account locked",
        what_to_do="Unlock the account.", not_before=NOW, needs_person=True,
    )  # fmt: skip
    with site.ledger("plant-ad", trouble=trouble, rotation=_rotation(), outcome="Refused"):
        yield


def _rotation() -> Rotation:
    account = "svc-cayo-plant@corp.example.test"
    return Rotation(
        id="r1", begun=NOW - DAY, account=account, in_use=account, base="kv/cayosoft/plant/ad#1@then",
        base_version=1, phase="N2",
    )  # fmt: skip


@planted(
    "ledger.cut-off",
    "plant-ad",
    fault="was cut off after N2",
    fix="account-rotation rotate plant-ad --finish",
    areas=(Area.LEDGERS,),
)
def _a_rotation_that_was_cut_off(site: Site) -> Iterator[None]:
    gone = Holder(run="0b5f3f3e-7f0e-4b0e-8d4e-3f1f5a0c9d11", since=NOW - DAY)
    with site.ledger("plant-ad", rotation=_rotation(), holder=gone):
        yield


@planted(
    "ledger.cut-off",
    "hq-ad",
    fault="An update of hq-ad was cut off",
    fix="account-rotation update hq --connection hq-ad",
    areas=(Area.LEDGERS,),
)
def _an_update_that_was_cut_off(site: Site) -> Iterator[None]:
    gone = Holder(run="0b5f3f3e-7f0e-4b0e-8d4e-3f1f5a0c9d12", since=NOW - DAY)
    with site.ledger("hq-ad", holder=gone):
        yield


@planted(
    "ledger.last-run",
    "hq-m365",
    fault="ended as Remediation required (consent.permission-missing)",
    fix="account-rotation ledger hq-m365",
    warns=True,
    areas=(Area.LEDGERS,),
)
def _a_run_that_ended_badly(site: Site) -> Iterator[None]:
    with site.ledger(
        "hq-m365", outcome="Remediation required", findings=("consent.permission-missing",)
    ):
        yield


@planted(
    "ledger.verified",
    "hq-ad",
    fault="not been verified for 48 hours",
    fix="verify_connections/verify",
    warns=True,
    areas=(Area.LEDGERS,),
)
def _a_verification_that_is_overdue(site: Site) -> Iterator[None]:
    applied = Applied(account="svc-cayo-hq@corp.example.test", label="x", at=NOW - 3 * DAY)
    with site.ledger("hq-ad", applied=applied, outcome="Ready", verified_at=NOW - 2 * DAY):
        yield


@planted(
    "ledger.retirement",
    "plant-ad",
    fault="was to be retired",
    fix="account-rotation rotate plant-ad --finish",
    warns=True,
    areas=(Area.LEDGERS,),
)
def _a_retirement_that_is_overdue(site: Site) -> Iterator[None]:
    retire = Retirement(account="svc-cayo-plant@corp.example.test", due=NOW - 3 * DAY)
    with site.ledger("plant-ad", retire=retire):
        yield
