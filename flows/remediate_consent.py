"""Put the consent of one connection's Entra app right: the plan, a person's yes or the policy's, the proof."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from flows import remediation, validation
from flows._approval import Answers
from flows._run import Run
from tasks import finish, identify


@flow(
    name="remediate_consent",
    flow_run_name="remediate {connection}",
    persist_result=False,
    log_prints=False,
)
def remediate_consent(
    connection: str,
    dry_run: bool = False,
    approve: str | None = None,
    approved_by: str | None = None,
) -> State[None]:
    """Grant what the product's Entra app lacks, withdraw what is granted too widely, and go on with the update.

    Args:
        connection: Name of a Microsoft 365 connection in the inventory.
        dry_run: Review the consent and show the plan; change nothing and ask nobody.
        approve: The name of a plan that a person has read: that very plan is carried out, and no other.
        approved_by: Who has read it; kept in the report.

    With the inventory's policy ``ask`` a run of the deployment is suspended until a person has answered its form.
    Killed or resumed at any moment, it looks first. Ends in one of the states of ``report.verdict``.
    """
    with Run("remediate_consent", "", dry_run=dry_run) as run:
        with run.guarded():
            run.open_remediation(connection)
            (location,) = identify.connection_locations(  # P1
                run.systems, run.service, run.chosen, None, rotating=True
            )
            run.keep_ledgers([location])
            answers = Answers(run, location, approve, approved_by)
            with run.on(location) as so_far:
                remediation.see_to_consent(
                    run.systems, location, None, None, answers.permission(dry_run=dry_run)
                )
                if location.ledger.rotation is not None:
                    so_far.leave_unchecked(
                        "operations: a rotation has not ended; finish it: "
                        f"account-rotation rotate {connection} --finish"
                    )
                else:
                    validation.validate_changes(
                        run.systems, location, so_far.consent, dry_run=dry_run
                    )
        with run.evidenced():
            finish.record_evidence(run.ledgers)  # F2
    return run.end_state()
