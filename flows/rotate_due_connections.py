"""Rotate the connections whose last rotation is too long ago, one after the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows._fleet import carry_out, over_the_fleet
from flows.rotate_account_credentials import rotate_account_credentials
from report.due import to_rotate
from tasks.due import Standing


@flow(name="rotate_due_connections", persist_result=False, log_prints=False)
def rotate_due_connections(
    services: list[str] | None = None, older_than_days: int = 30, dry_run: bool = False
) -> State[None]:
    """Rotate what the orchestrator rotates and has not rotated for so many days.

    Args:
        services: Names of services in the inventory; none means all that a run can reach.
        older_than_days: Age of the last rotation from which on a connection is due.
        dry_run: Only look, and show which are due.

    Where only a person reaches the console a run of its own is started, which asks. The table is the artifact
    ``rotate-due-connections``.
    """
    act = None if dry_run else _act
    age = timedelta(days=older_than_days)
    return over_the_fleet("rotate_due_connections", services, to_rotate(age), act)


def _act(standing: Standing) -> State[Any]:
    return carry_out(
        rotate_account_credentials,
        "rotate",
        standing,
        connection=standing.connection,
        asked_by="schedule",
    )
