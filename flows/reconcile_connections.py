"""Find what no event told, and what a crash left: start or finish runs until ledger and Vault agree."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows._fleet import carry_out, over_the_fleet
from flows.rotate_account_credentials import rotate_account_credentials
from flows.update_account_credentials import update_account_credentials
from report.due import Due, to_reconcile
from tasks.due import Standing
from tasks.leftovers import remove_left_behind


@flow(name="reconcile_connections", persist_result=False, log_prints=False)
def reconcile_connections(services: list[str] | None = None, dry_run: bool = False) -> State[None]:
    """Compare every ledger with Vault's metadata, and act where they do not agree.

    Args:
        services: Names of services in the inventory; none means all that a run can reach.
        dry_run: Only look, and show what would be done.

    No secret is read to find out. Where only a person reaches the console a run of its own is started, which asks.
    What is a person's to decide is left alone, but for test users that a run left behind an hour ago or longer:
    those are removed. The table is the artifact ``reconcile-connections``.
    """
    act = None if dry_run else _act
    tidy = None if dry_run else remove_left_behind
    return over_the_fleet("reconcile_connections", services, to_reconcile, act, tidy)


def _act(standing: Standing) -> State[Any]:
    if standing.due is Due.FINISH:
        return carry_out(
            rotate_account_credentials,
            "rotate",
            standing,
            connection=standing.connection,
            finish_only=True,
            asked_by="schedule",
        )
    return carry_out(
        update_account_credentials,
        "update",
        standing,
        service=standing.service,
        connections=[standing.connection],
    )
