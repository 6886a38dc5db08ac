"""The form of deployments/automations.yaml: Prefect's own words, but strict, and blocks and deployments by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from jinja2 import Environment, TemplateSyntaxError
from pydantic import Field, model_validator

from cli.yaml_file import Loc, Strict, YamlFile
from intake.prefect_api import HEARTBEAT
from inventory.problems import Problem
from report.verdict import OUTCOMES

PREFIX = "account-rotation: "
"""How the names of our automations begin: no other automation of the server is touched."""

_OWN = "cayosoft.connection."
_OWN_EVENTS = {_OWN + outcome.name.lower().replace(" ", "-") for outcome in OUTCOMES}
_FOREIGN = ("prefect.flow-run.", "prefect.work-pool.", "prefect.deployment.", "vault.secret.")

Text = Annotated[str, Field(min_length=1)]
Events = Annotated[list[Text], Field(min_length=1)]
Labels: TypeAlias = "dict[str, str | list[str]]"


class Trigger(Strict):
    """Which events, or whose absence, start the actions. An empty ``expect`` would match every event."""

    type: Literal["event"]
    posture: Literal["Reactive", "Proactive"]
    match: Annotated[Labels, Field(min_length=1)]
    match_related: Labels = Field(default_factory=dict)
    after: list[Text] = Field(default_factory=list)
    expect: Events
    for_each: list[Text] = Field(default_factory=list)
    threshold: Annotated[int, Field(ge=1)] = 1
    within: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _makes_sense(self) -> Trigger:
        if self.posture == "Reactive":
            if self.after:
                raise ValueError("a Reactive trigger has no after")
            return self
        if self.within < 10:
            raise ValueError("a Proactive trigger needs within, of at least 10 seconds")
        if not self.after or not self.for_each:
            raise ValueError(
                "a Proactive trigger needs after and for_each, or it starts for nothing"
            )
        return self


class Notify(Strict):
    """Send a notification by the block that ``account-rotation deploy --notify-block`` names."""

    type: Literal["send-notification"]
    subject: Text
    body: Text


class RunDeployment(Strict):
    """Start a deployment of prefect.yaml, by its full name."""

    type: Literal["run-deployment"]
    deployment: Text
    parameters: dict[str, Any] = Field(default_factory=dict)


class ChangeState(Strict):
    """Give the flow run that the event is about another state."""

    type: Literal["change-flow-run-state"]
    state: Literal["CRASHED"]
    message: Text


Action = Annotated[Notify | RunDeployment | ChangeState, Field(discriminator="type")]


class Automation(Strict):
    """One rule of the server."""

    name: Annotated[str, Field(pattern=f"^{PREFIX}[a-z][a-z0-9 ,-]*$")]
    description: Text
    trigger: Trigger
    actions: Annotated[list[Action], Field(min_length=1)]

    @property
    def notifies(self) -> bool:
        """Whether it cannot be made without a notification block."""
        return any(isinstance(action, Notify) for action in self.actions)


class Automations(Strict):
    """The whole file."""

    automations: list[Automation]

    def runs(self) -> Iterator[tuple[Loc, RunDeployment]]:
        """Yield every action that starts a deployment, with its place."""
        for number, automation in enumerate(self.automations):
            for position, action in enumerate(automation.actions):
                if isinstance(action, RunDeployment):
                    yield ("automations", number, "actions", position), action


def broken_rules(file: YamlFile, wanted: Automations) -> Iterator[Problem]:
    """Yield what the fields alone do not show: names, events that nobody emits, templates."""
    names: set[str] = set()
    for number, automation in enumerate(wanted.automations):
        place: Loc = ("automations", number)
        if automation.name in names:
            yield file.problem((*place, "name"), "the name is taken", "Give each its own name.")
        names.add(automation.name)
        for kind in ("expect", "after"):
            for position, event in enumerate(getattr(automation.trigger, kind)):
                if not _is_known(event):
                    yield file.problem(
                        (*place, "trigger", kind, position),
                        "nothing emits this event",
                        f"Use one of {', '.join(sorted({HEARTBEAT, *_OWN_EVENTS}))}, "
                        f"or one that begins with {', '.join(_FOREIGN)}.",
                    )
        for position, action in enumerate(automation.actions):
            if isinstance(action, Notify):
                yield from _broken_templates(file, (*place, "actions", position), action)


def _is_known(event: str) -> bool:
    if event in _OWN_EVENTS or event in (HEARTBEAT, f"{_OWN}*"):
        return True
    return event.startswith(_FOREIGN) and not event.endswith(".")


def _broken_templates(file: YamlFile, place: Loc, action: Notify) -> Iterator[Problem]:
    for field in ("subject", "body"):
        try:
            # Only parsed, never rendered: Prefect's server does that in a sandbox.
            Environment(autoescape=True).parse(getattr(action, field))
        except TemplateSyntaxError:
            yield file.problem((*place, field), "the template is broken", "Close its braces.")
