"""What ``account-rotation deploy`` changes on a Prefect server: each call says what it did, and repeats harmlessly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate, WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.actions import ActionTypes, ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import Automation as Existing
from prefect.events.schemas.automations import AutomationCore, EventTrigger
from prefect.exceptions import ObjectNotFound

from cli import automations
from cli.automations import PREFIX, Automation
from connectors.errors import InvalidInput, NotPermitted, Refused, RotationError, Unreachable

CREATED, CHANGED, AS_IT_WAS, LEFT_OUT = "created", "changed", "as it was", "left out"
NOTIFY_VARIABLE = "account_rotation_notify_block"
POOL_TYPE = "process"

T = TypeVar("T")


@contextmanager
def speaking(url: str, operation: str) -> Iterator[None]:
    """Turn what Prefect's client raises into an error of ours; its text may hold an answer's body."""
    problem: RotationError
    try:
        yield
    except RotationError:
        raise
    except httpx.HTTPStatusError as error:
        problem = _answered(url, operation, error.response.status_code)
    except httpx.HTTPError as error:
        problem = Unreachable(
            "prefect",
            operation,
            url=url,
            cause=type(error).__name__,
            advice="Make sure that Prefect's API answers (prefect version, PREFECT_API_URL), then run "
            "account-rotation deploy again; it finds what is already so.",
        )
    else:
        return
    raise problem


def _answered(url: str, operation: str, status: int) -> RotationError:
    again = "then run account-rotation deploy again; it finds what is already so."
    if status in (401, 403):
        advice = f"Give PREFECT_API_AUTH_STRING as the server has it, {again}"
        return NotPermitted("prefect", operation, url=url, status=status, advice=advice)
    if status == 429 or status >= 500:
        advice = f"Look at the server's log, {again}"
        return Unreachable("prefect", operation, url=url, status=status, advice=advice)
    advice = f"Check with `prefect version` that client and server are of the same version, {again}"
    return Refused("prefect", operation, url=url, status=status, advice=advice)


def _found(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except ObjectNotFound:
        return None


def make_pool(client: SyncPrefectClient, name: str) -> str:
    """Create the work pool where there is none; one that exists is the site's, whatever its type."""
    if _found(lambda: client.read_work_pool(name)):
        return AS_IT_WAS
    client.create_work_pool(WorkPoolCreate(name=name, type=POOL_TYPE))
    return CREATED


def make_queue(client: SyncPrefectClient, pool: str, name: str) -> tuple[str, int]:
    """Give the work queue a limit of 1 where it has none; return what was done, and its limit."""
    found = _found(lambda: client.read_work_queue_by_name(name, work_pool_name=pool))
    if found is not None:
        if found.concurrency_limit is not None:
            return AS_IT_WAS, found.concurrency_limit
        # Prefect's own `deploy` makes queues without one.
        client.update_work_queue(found.id, concurrency_limit=1)
        return CHANGED, 1
    client.create_work_queue(name, concurrency_limit=1, work_pool_name=pool)
    return CREATED, 1


def read_deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    """Return a deployment of the server by flow and name, or None."""
    return _found(lambda: client.read_deployment_by_name(name))


def told(deployment: DeploymentResponse | None) -> object:
    """Return what of a deployment comes from prefect.yaml, to see whether deploying changed it."""
    if deployment is None:
        return None
    schedules = sorted(
        (item.slug or "", item.schedule.model_dump_json(), item.active, str(item.parameters))
        for item in deployment.schedules
    )
    limit = deployment.global_concurrency_limit
    return (
        deployment.description,
        deployment.entrypoint,
        sorted(deployment.tags),
        deployment.parameters,
        deployment.parameter_openapi_schema,
        deployment.work_pool_name,
        deployment.work_queue_name,
        deployment.job_variables,
        deployment.pull_steps,
        deployment.paused,
        limit.limit if limit else None,
        schedules,
    )


def deploy_all(prefect_yaml: Path) -> None:
    """Let Prefect's own command deploy every entry; raises Refused when it does not end well."""
    command = [
        sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file",
        str(prefect_yaml),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  ours
    if done.returncode != 0:
        raise Refused(
            "prefect",
            "deploy",
            exit_code=done.returncode,
            advice="Run this to see why: prefect --no-prompt deploy --all",
        )


def workers_online(client: SyncPrefectClient, pool: str) -> int:
    """Return how many workers ask this pool for runs."""
    workers = client.read_workers_for_work_pool(pool)
    return sum(1 for worker in workers if worker.status == "ONLINE")


def keep_variable(client: SyncPrefectClient, name: str, value: str) -> str:
    """Write a variable of the server; never a secret, because variables are copied into events."""
    found = client.read_variable_by_name(name)
    if found is None:
        client.create_variable(VariableCreate(name=name, value=value, tags=["cayosoft"]))
        return CREATED
    if found.value == value:
        return AS_IT_WAS
    client.update_variable(VariableUpdate(name=name, value=value))
    return CHANGED


def block_id(client: SyncPrefectClient, full_name: str) -> UUID:
    """Return the id of a notification block ``type-slug/name``; raises InvalidInput where there is none."""
    slug, _, name = full_name.partition("/")
    found = None
    if slug and name:
        found = _found(
            lambda: client.read_block_document_by_name(name, slug, include_secrets=False)
        )
    capabilities = found.block_schema.capabilities if found and found.block_schema else []
    if found is None or "notify" not in capabilities:
        raise InvalidInput(
            "prefect",
            "find notification block",
            block=full_name,
            advice="Create it in the Prefect UI under Blocks, see its full name with `prefect block ls`, then run "
            "account-rotation deploy --notify-block TYPE/NAME.",
        )
    return found.id


def apply(
    client: SyncPrefectClient,
    wanted: Automation,
    existing: list[Existing],
    block: UUID,
    deployments: dict[str, UUID],
) -> str:
    """Create an automation, or bring the one of this name to what the file says; a pause is kept."""
    same = [item for item in existing if item.name == wanted.name]
    enabled = same[0].enabled if same else True
    new = AutomationCore(
        name=wanted.name,
        description=wanted.description,
        enabled=enabled,
        tags=[],
        trigger=_trigger(wanted),
        actions=[_action(action, block, deployments) for action in wanted.actions],
        actions_on_trigger=[],
        actions_on_resolve=[],
    )
    if not same:
        client.create_automation(new)
        return CREATED
    if AutomationCore.model_validate(same[0].model_dump(exclude={"id"})) == new:
        return AS_IT_WAS
    client.update_automation(same[0].id, new)
    return CHANGED


def _trigger(wanted: Automation) -> EventTrigger:
    # All fields, also those with defaults: Prefect's client leaves out of an update what was not given.
    return EventTrigger.model_validate(
        {"match_related": {}, **wanted.trigger.model_dump(), "within": wanted.trigger.within}
    )


def _action(action: automations.Action, block: UUID, deployments: dict[str, UUID]) -> ActionTypes:
    if isinstance(action, automations.Notify):
        return SendNotification.model_validate({**action.model_dump(), "block_document_id": block})
    if isinstance(action, automations.RunDeployment):
        return RunDeployment.model_validate(
            {
                "type": action.type,
                "source": "selected",
                "deployment_id": deployments[action.deployment],
                "parameters": action.parameters,
                "job_variables": None,
            }
        )
    return ChangeFlowRunState.model_validate({**action.model_dump(), "name": None, "force": False})


def ours(client: SyncPrefectClient) -> list[Existing]:
    """Return the server's automations whose names begin as ours do."""
    found: list[Existing] = []
    while page := client.read_automations(limit=200, offset=len(found)):
        found += page
    return [item for item in found if item.name.startswith(PREFIX)]
