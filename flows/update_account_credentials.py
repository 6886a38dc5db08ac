"""Update account credentials in Cayosoft Administrator, as the vendor's article of that name describes."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from connectors.models import Extension
from flows import active_directory, microsoft_365, validation
from flows._run import Run
from flows.static_roles import rotated_by_vault
from tasks import finish, identify


@flow(
    name="update_account_credentials",
    flow_run_name="update {service}",
    persist_result=False,
    log_prints=False,
)
def update_account_credentials(
    service: str,
    connections: list[str] | None = None,
    secret_version: int | None = None,
    dry_run: bool = False,
    try_again: bool = False,
    rotate_role: bool = False,
) -> State[None]:
    """Bring a service's connections to the credential that Vault holds, and prove that it works.

    Args:
        service: Name of the Cayosoft Administrator Service in the inventory.
        connections: Names of its connections; none means all of them.
        secret_version: Version of the secret in Vault, for exactly one connection; none means the latest.
        dry_run: Do every read-only check and change nothing.
        try_again: Try a version once more that the directory had refused, because the directory was corrected.
        rotate_role: Let Vault rotate the connections' static roles first (LDAP secrets engine).

    Names and a version number only, never a value: Prefect shows and stores parameters. Ends in one of the
    states of ``report.verdict``; the reports are artifacts named after the connections.
    """
    with Run("update_account_credentials", service, dry_run=dry_run) as run:
        with run.guarded():
            run.open(connections, secret_version, vault_rotates=rotate_role)
            locations = identify.connection_locations(  # P1
                run.systems, run.service, run.chosen, secret_version, try_again=try_again
            )
            run.keep_ledgers(locations)
            if rotate_role and not dry_run:
                locations = rotated_by_vault(run, locations)
            for location in run.of(locations, Extension.ACTIVE_DIRECTORY):
                with run.on(location):
                    active_directory.update(run, location, dry_run=dry_run)
            for location in run.of(locations, Extension.MICROSOFT_365):
                with run.on(location):
                    microsoft_365.update(run, location, dry_run=dry_run)
            for location in run.of(locations):
                with run.on(location) as so_far:
                    validation.validate_changes(
                        run.systems, location, so_far.consent, dry_run=dry_run
                    )
        with run.evidenced():
            finish.record_evidence(run.ledgers)  # F2
    return run.end_state()
