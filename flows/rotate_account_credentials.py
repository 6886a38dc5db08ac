"""Rotate one connection account: a new password, the vendor's article, and the proof that it worked."""

from __future__ import annotations

from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State

from flows import rotation
from flows._run import Run
from tasks import finish, identify, promote


@flow(
    name="rotate_account_credentials",
    flow_run_name="rotate {connection}",
    persist_result=False,
    log_prints=False,
)
def rotate_account_credentials(
    connection: str,
    dry_run: bool = False,
    finish_only: bool = False,
    overwrite: bool = False,
    abandon: bool = False,
    asked_by: Literal["person", "schedule"] = "person",
) -> State[None]:
    """Give a connection a new password, bring it to the console, and prove that it works.

    Args:
        connection: Name of the connection in the inventory.
        dry_run: Do every read-only check of the preflight and change nothing.
        finish_only: Finish what is unfinished or due, and begin nothing new.
        overwrite: Set the new password although the current or the staged one is refused: somebody changed it.
        abandon: Give an unfinished rotation up, where the previous credential still works.
        asked_by: A schedule leaves a connection alone that waits, or that needs a person.

    Killed at any moment, the next run goes on where this one was: it looks first. Ends in one of the states
    of ``report.verdict``; the report is an artifact named after the connection.
    """
    with Run("rotate_account_credentials", "", dry_run=dry_run) as run:
        with run.guarded():
            run.open_rotation(connection)
            (location,) = identify.connection_locations(  # P1
                run.systems,
                run.service,
                run.chosen,
                None,
                rotating=True,
                scheduled=asked_by == "schedule",
            )
            run.keep_ledgers([location])
            with run.on(location):
                if finish_only:
                    promote.require_due(location)
                if abandon:
                    rotation.give_up(run, location)
                elif not finish_only or location.ledger.rotation is not None:
                    rotation.rotate(run, location, overwrite=overwrite)
            for unfailed in run.of([location]):
                with run.on(unfailed):
                    if not dry_run and unfailed.ledger.ledger.retire is not None:
                        promote.retire(run.systems, unfailed)  # F3
        with run.evidenced():
            finish.record_evidence(run.ledgers, run.failure_policy)  # F2
    return run.end_state()
