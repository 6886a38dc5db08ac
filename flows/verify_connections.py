"""Verify that what every console holds still signs in, is what Vault holds, and has its consent. Read-only."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from connectors.errors import RotationError
from flows._article import carry_out
from flows._ends import end_state
from flows._run import Run
from inventory.wiring import open_inventory
from report.record import RunRecord
from tasks import finish, identify, verify


@flow(name="verify_connections", persist_result=False, log_prints=False)
def verify_connections(services: list[str] | None = None) -> State[None]:
    """Sign in with what is applied, read rights, roles and consent, and write down when that was.

    Args:
        services: Names of services in the inventory; none means all that a run can reach.

    Changes nothing but the ledger. Each connection's report is the artifact of its name; a connection that a
    run is working on is left alone.
    """
    try:
        known = [service.name for service in open_inventory().services]
    except RotationError:
        known = []  # each run below says what is wrong with the inventory
    return end_state([_verified(service) for service in services or known or ["every service"]])


def _verified(service: str) -> RunRecord:
    with Run("verify_connections", service, dry_run=True) as run:
        run.record.verifying = True
        with run.guarded():
            run.open(None, None)
            for chosen in run.chosen:
                with run.on(chosen):
                    (location,) = identify.connection_locations(  # P1
                        run.systems, run.service, [chosen], None
                    )
                    run.keep_ledgers([location])
                    carry_out(run, location, dry_run=True)  # its read-only steps
                    verify.require_applied(run.systems, location)
        with run.evidenced():
            finish.record_evidence(run.ledgers)  # F2
    return run.record
