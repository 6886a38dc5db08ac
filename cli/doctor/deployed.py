"""What is deployed to Prefect, compared with what prefect.yaml and automations.yaml say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cli.doctor.model import Check, NotLooked, Plan, Wrong, check
from cli.doctor.site import Site
from connectors.errors import NotFound

if TYPE_CHECKING:
    from cli.deployments import Checked, Deployment

DEPLOY = "account-rotation deploy"


@check(
    "prefect.files",
    "prefect.yaml and automations.yaml have no mistake",
    fault="The files of the deployments cannot be used.",
    fix="python -m cli.deployments --check",
)
def files(site: Site) -> str:
    """Check both as deploying does."""
    from cli.deployments import check as check_files  # noqa: PLC0415  imports every flow
    from cli.yaml_file import FileProblems  # noqa: PLC0415

    chosen = site.choices
    for path in (chosen.prefect_yaml, chosen.automations):
        if not path.exists():
            raise NotLooked(
                f"there is no {path} here: start in the folder that has it, or name it with --prefect-yaml and --automations"
            )
    try:
        site.deployed = check_files(chosen.prefect_yaml, chosen.automations)
    except FileProblems as error:
        first, more = error.problems[0], len(error.problems) - 1
    else:
        return f"{len(site.deployed.deployments)} deployments, {len(site.deployed.automations.automations)} automations"
    field = f"{first.field}: " if first.field else ""
    also = f", and {more} more" if more else ""
    raise Wrong(
        f"The deployments have a mistake: {first.file}:{first.line}: {field}{first.message}{also}.",
        f"{first.fix} See every mistake with: python -m cli.deployments --check",
    )


@check(
    "prefect.deployments",
    "every deployment is there, and as prefect.yaml says",
    fault="The deployments cannot be looked at.",
    fix=DEPLOY,
)
def deployments(site: Site) -> str:
    """Compare what comes from the file."""
    missing, differing = [], []
    wanted = _wanted(site).deployments
    for entry in wanted:
        found = _deployment(site, entry.full_name)
        if found is None:
            missing.append(entry.full_name)
        elif differences := list(_differences(entry, found)):
            differing.append(f"{entry.full_name} ({', '.join(differences)})")
    if missing:
        raise Wrong(f"Prefect lacks the deployment {', '.join(missing)}.", DEPLOY)
    if differing:
        raise Wrong(
            f"What Prefect has differs from {site.choices.prefect_yaml}: {'; '.join(differing)}.",
            DEPLOY,
        )
    return ", ".join(entry.name for entry in wanted)


def _wanted(site: Site) -> Checked:
    if site.deployed is None:
        raise NotLooked("the files were not read")
    return site.deployed


def _deployment(site: Site, full_name: str) -> dict[str, Any] | None:
    try:
        found, _ = site.prefect.get("read deployment", f"deployments/name/{full_name}")
    except NotFound:
        return None
    return dict(found)


def _differences(entry: Deployment, found: Mapping[str, Any]) -> Iterator[str]:
    from cli.deployments import find_flow  # noqa: PLC0415  imports every flow

    for name, wanted in (
        ("description", entry.description),
        ("entrypoint", entry.entrypoint),
        ("parameters", entry.parameters),
        ("work_pool_name", entry.work_pool.name),
        ("work_queue_name", entry.work_pool.work_queue_name),
        ("enforce_parameter_schema", entry.enforce_parameter_schema),
    ):
        if found.get(name) != wanted:
            yield name
    if sorted(found.get("tags") or ()) != sorted(entry.tags):
        yield "tags"
    flow = find_flow(entry.entrypoint)
    offered = set((found.get("parameter_openapi_schema") or {}).get("properties") or {})
    if not isinstance(flow, str) and offered != set(flow.parameters.properties):
        yield "the flow's parameters"
    there = {
        (s.get("slug"), s["schedule"].get("cron"), s["schedule"].get("timezone"))
        for s in found.get("schedules") or ()
    }
    if there != {(s.slug, s.cron, s.timezone) for s in entry.schedules}:
        yield "schedules"


@check(
    "prefect.schedules",
    "every schedule of prefect.yaml is active",
    fault="The schedules cannot be looked at.",
    fix="Unpause it in the Prefect UI, under Deployments.",
    warns=True,
)
def schedules(site: Site) -> str:
    """A pause that was forgotten stops the daily verification, or reconciling, without a word."""
    paused = []
    for entry in _wanted(site).deployments:
        found = _deployment(site, entry.full_name) or {}
        asleep = [s.get("slug") for s in found.get("schedules") or () if not s.get("active")]
        meant = {s.slug for s in entry.schedules if not s.active}
        if entry.schedules and not entry.paused and (found.get("paused") or set(asleep) - meant):
            paused.append(entry.full_name)
    if paused:
        raise Wrong(
            f"Paused on the server: {', '.join(paused)}; no run of it starts by itself.",
            f"prefect deployment schedule resume --all, or press the switch of {paused[0]} in the Prefect UI.",
        )
    return "active"


@check(
    "prefect.notification",
    "a notification block is named, by which somebody is told",
    fault="Whether somebody is told cannot be looked at.",
    fix="account-rotation deploy --notify-block TYPE/NAME",
    warns=True,
)
def notification(site: Site) -> str:
    """Without it the automations that notify are not made."""
    from cli.prefect_server import NOTIFY_VARIABLE  # noqa: PLC0415

    try:
        found, _ = site.prefect.get("read variable", f"variables/name/{NOTIFY_VARIABLE}")
    except NotFound:
        found = None
    if not found:
        raise Wrong(
            "Nobody is told when a person is needed: no notification block is named.",
            "Make a block in the Prefect UI (Blocks), see its name with prefect block ls, then: "
            "account-rotation deploy --notify-block TYPE/NAME",
        )
    site.notifies = True
    return str(found.get("value"))


@check(
    "prefect.automations",
    "every automation is there and enabled",
    fault="The automations cannot be looked at.",
    fix=DEPLOY,
)
def automations(site: Site) -> str:
    """Those that notify are looked for only where a block is named."""
    wanted = [a for a in _wanted(site).automations.automations if site.notifies or not a.notifies]
    found = site.prefect.listed("read automations", "automations/filter")
    by_name = {str(item.get("name")): item for item in found}
    missing = [item.name for item in wanted if item.name not in by_name]
    if missing:
        raise Wrong(f"Prefect lacks the automation {'; '.join(missing)}.", DEPLOY)
    paused = [item.name for item in wanted if not by_name[item.name].get("enabled")]
    if paused:
        one = by_name[paused[0]].get("id")
        raise Wrong(
            f"Paused on the server: the automation {'; '.join(paused)}.",
            f"prefect automation resume --id {one}",
        )
    return f"{len(wanted)} automations"


def add(plan: Plan, pool: Check, version: Check) -> None:
    """Add everything that deploying brings to the server; its pool and a version that fits come first."""
    read = plan.add(files.on("")())
    deployed = plan.add(deployments.on("", [pool, read, version])())
    plan.add(schedules.on("", [deployed])())
    tells = plan.add(notification.on("", [pool])())
    plan.add(automations.on("", [deployed], after=[tells])())
