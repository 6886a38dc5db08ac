"""Checks prefect.yaml and deployments/automations.yaml, in which Prefect takes a typo without a word.

``python -m cli.deployments --check`` reports every mistake with its file, line and fix. An automation whose
``expect`` is lost matches every event, and a schedule whose field is misspelt never runs: so all is strict here.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from zoneinfo import available_timezones

from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule
from pydantic import Field, TypeAdapter, ValidationError, field_validator

import flows
from cli import automations
from cli.automations import Automations
from cli.yaml_file import FileProblems, Loc, Strict, YamlFile, read, shaped
from inventory.problems import Problem

PREFECT_YAML = Path("prefect.yaml")
AUTOMATIONS_YAML = Path("deployments/automations.yaml")

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
Text = Annotated[str, Field(min_length=1)]
Entrypoint = Annotated[str, Field(pattern=r"^flows(\.[a-z_0-9]+){2}$")]


class Schedule(Strict):
    """When a deployment runs by itself."""

    cron: str
    timezone: str
    slug: Name
    active: bool = True
    parameters: dict[str, Any] = Field(default_factory=dict)

    @field_validator("cron")
    @classmethod
    def _parses(cls, cron: str) -> str:
        if len(cron.split()) != 5:
            raise ValueError("must have five parts: minute, hour, day, month, weekday")
        try:
            CronSchedule(cron=cron)
        except ValidationError:
            pass
        else:
            return cron
        raise ValueError("is no cron expression")

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("is no time zone of the IANA database, such as Europe/Berlin")
        return name


class WorkPool(Strict):
    """Who runs a deployment. The queue's limit says how many of its runs go on at the same time."""

    name: Name
    work_queue_name: Name
    job_variables: dict[str, Any] = Field(default_factory=dict)


class ConcurrencyLimit(Strict):
    """How many runs of one deployment Prefect lets go on; for flows that change nothing."""

    limit: Annotated[int, Field(ge=1)]
    collision_strategy: Literal["ENQUEUE"]
    grace_period_seconds: Annotated[int, Field(ge=60)] = 600


class Deployment(Strict):
    """One flow as it is offered to people, schedules and events."""

    name: Name
    description: Text
    entrypoint: Entrypoint
    tags: Annotated[list[Name], Field(min_length=1)]
    work_pool: WorkPool
    enforce_parameter_schema: Literal[True]
    parameters: dict[str, Any]
    concurrency_limit: ConcurrencyLimit | None = None
    schedules: list[Schedule] = Field(default_factory=list)
    paused: bool = False

    @property
    def flow_name(self) -> str:
        """The flow's name, which is that of its function: a rule of this repository."""
        return self.entrypoint.rpartition(".")[2]

    @property
    def full_name(self) -> str:
        """The name by which Prefect finds the deployment."""
        return f"{self.flow_name}/{self.name}"


class PrefectYaml(Strict):
    """The whole file. Workers import the installed package, so nothing is built, pushed or pulled."""

    name: Text
    prefect_version: Annotated[str, Field(alias="prefect-version")]
    build: None
    push: None
    # NOTE: an empty list and not null, or Prefect puts this checkout's path into every deployment.
    pull: Annotated[list[Any], Field(max_length=0)]
    deployments: Annotated[list[Deployment], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Checked:
    """Both files, without a mistake."""

    prefect_yaml: Path
    deployments: tuple[Deployment, ...]
    automations: Automations


def check(prefect_yaml: Path = PREFECT_YAML, automations_yaml: Path = AUTOMATIONS_YAML) -> Checked:
    """Return what both files say; raises FileProblems with every mistake in them."""
    problems: list[Problem] = []
    entries: list[Deployment] = []
    wanted = Automations(automations=[])
    try:
        file = read(prefect_yaml)
        entries = shaped(file, PrefectYaml).deployments
        problems += broken_rules(file, entries)
    except FileProblems as found:
        problems += found.problems
    try:
        rules = read(automations_yaml)
        wanted = shaped(rules, Automations)
        problems += automations.broken_rules(rules, wanted)
        problems += _wrong_deployments(rules, wanted, entries)
    except FileProblems as found:
        problems += found.problems
    if problems:
        raise FileProblems(tuple(problems))
    return Checked(prefect_yaml, tuple(entries), wanted)


def broken_rules(file: YamlFile, entries: list[Deployment]) -> Iterator[Problem]:
    """Yield what the fields alone do not show: flows, parameters, names, and flows left out."""
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        place: Loc = ("deployments", number)
        if entry.name in seen:
            yield file.problem((*place, "name"), "the name is taken", "Give each its own name.")
        seen.add(entry.name)
        slugs = [schedule.slug for schedule in entry.schedules]
        if len(set(slugs)) < len(slugs):
            yield file.problem((*place, "schedules"), "two slugs are the same", "Rename one.")
        flow = find_flow(entry.entrypoint)
        if isinstance(flow, str):
            yield file.problem((*place, "entrypoint"), flow, "Name a flow as package.module.flow.")
            continue
        yield from _lease(file, place, entry)
        yield from wrong_parameters(file, (*place, "parameters"), flow, entry.parameters)
        for position, schedule in enumerate(entry.schedules):
            yield from _scheduled(file, (*place, "schedules", position), flow, entry, schedule)
    for missing in sorted(all_flows() - {entry.entrypoint for entry in entries}):
        yield file.problem(("deployments",), f"{missing} has no entry", "Add a deployment for it.")


def _lease(file: YamlFile, place: Loc, entry: Deployment) -> Iterator[Problem]:
    """A deployment's slot is a lease: when it is lost, Prefect cancels the run where it stands."""
    if entry.concurrency_limit is not None and entry.flow_name != "verify_connections":
        yield file.problem(
            (*place, "concurrency_limit"),
            "a run that changes something could be cancelled half-way: Prefect does that when the lease "
            "of its slot is lost, for example because its server was started anew",
            "Remove it; the limit of the work queue has no lease.",
        )


def _scheduled(
    file: YamlFile, place: Loc, flow: Flow[..., Any], entry: Deployment, schedule: Schedule
) -> Iterator[Problem]:
    yield from wrong_parameters(file, (*place, "parameters"), flow, schedule.parameters)
    given = {**entry.parameters, **schedule.parameters}
    for name in sorted(set(flow.parameters.required) - given.keys()):
        yield file.problem(place, f"nobody gives the parameter {name}", "Add it to parameters.")
    if "asked_by" in flow.parameters.properties and given.get("asked_by") != "schedule":
        yield file.problem(
            place,
            "a scheduled run must say so, or it does not leave alone what waits for a person",
            "Add asked_by: schedule to its parameters.",
        )


def wrong_parameters(
    file: YamlFile, place: Loc, flow: Flow[..., Any], given: Mapping[str, object]
) -> Iterator[Problem]:
    """Yield parameters that the flow does not have, or whose values it would refuse."""
    hints = get_type_hints(flow.fn)
    known = [name for name in inspect.signature(flow.fn).parameters if name in hints]
    for name, value in given.items():
        if name not in known:
            fix = f"Use one of {', '.join(known)}."
            yield file.problem((*place, name), f"the flow {flow.name} has no such parameter", fix)
            continue
        try:
            TypeAdapter(hints[name]).validate_python(value, strict=True)
        except ValidationError:
            message = f"the flow {flow.name} refuses this value"
            yield file.problem((*place, name), message, f"Give it as {hints[name]}.")


def _wrong_deployments(
    rules: YamlFile, wanted: Automations, entries: list[Deployment]
) -> Iterator[Problem]:
    by_name = {entry.full_name: entry for entry in entries}
    for place, action in wanted.runs():
        entry = by_name.get(action.deployment)
        flow = find_flow(entry.entrypoint) if entry else None
        if not isinstance(flow, Flow):
            fix = f"Name one of {', '.join(sorted(by_name)) or 'prefect.yaml'}."
            yield rules.problem((*place, "deployment"), "there is no such deployment", fix)
            continue
        plain = {k: v for k, v in action.parameters.items() if "{{" not in str(v)}
        yield from wrong_parameters(rules, (*place, "parameters"), flow, plain)
        unknown = action.parameters.keys() - plain.keys()
        for name in sorted(unknown - flow.parameters.properties.keys()):
            message = f"the flow {flow.name} has no such parameter"
            yield rules.problem((*place, "parameters", name), message, "Correct its name.")


def find_flow(entrypoint: str) -> Flow[..., Any] | str:
    """Return the flow of a module path, or what is wrong with the path."""
    module, _, name = entrypoint.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        absent = error.name == module
        return f"there is no module {module}" if absent else f"{module} cannot be imported"
    except Exception as error:  # noqa: BLE001  whatever a module raises, the file cannot be used
        return f"{module} cannot be imported ({type(error).__name__})"
    if not isinstance(found, Flow):
        return f"{module} has no flow {name}"
    if found.name != name:
        return f"the flow calls itself {found.name}, so no deployment {name}/... would exist"
    return found


def all_flows() -> set[str]:
    """Return the module paths of every flow in the package ``flows``."""
    found = set()
    for info in pkgutil.iter_modules(flows.__path__):
        entrypoint = f"flows.{info.name}.{info.name}"
        if not info.name.startswith("_") and isinstance(find_flow(entrypoint), Flow):
            found.add(entrypoint)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Check both files; return 1 and print every mistake where there is one."""
    parser = argparse.ArgumentParser(prog="python -m cli.deployments")
    parser.add_argument("--check", action="store_true", required=True, help="check the two files")
    parser.add_argument("--prefect-yaml", type=Path, default=PREFECT_YAML)
    parser.add_argument("--automations", type=Path, default=AUTOMATIONS_YAML)
    chosen = parser.parse_args(arguments)
    try:
        check(chosen.prefect_yaml, chosen.automations)
    except FileProblems as found:
        sys.stderr.write(f"{found}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
