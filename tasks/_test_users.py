"""The test users of V: what they are called, and what becomes of those that a killed run left."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from prefect.runtime import flow_run

from connectors.errors import NotPermitted, Unknown
from connectors.models import Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks.identify import Location


def test_prefix(location: Location) -> str:
    """Return what the names of all test users of this connection start with, and no other's."""
    digest = hashlib.sha256(location.name.casefold().encode()).hexdigest()
    return f"rot-{digest[:4]}-"


def test_name(location: Location) -> str:
    """Return the name of this run's test user: at most 20 characters, told apart by connection and run."""
    # The end of the id: the beginning may be a time.
    run_id = (flow_run.get_id() or "no-run").replace("-", "")
    return f"{test_prefix(location)}{run_id[-8:]}"


def test_upn(location: Location) -> str:
    """Return the UPN of this run's test user in the tenant."""
    return f"{test_name(location)}@{location.in_tenant.validation_domain}"


def removed_from_directory(systems: Systems, location: Location) -> str:
    """Remove, as the connection account, what earlier runs left in the validation OU; say so in evidence.

    This run's own user stays: a step that is tried again has made it already.
    """
    where = location.in_directory
    directory = systems.directory(where.directory)
    prefix, own = test_prefix(location), test_name(location)
    return _removed(
        lambda: directory.delete_test_users(location.secret, where.validation_ou, prefix, keep=own)
    )


def removed_from_tenant(systems: Systems, location: Location) -> str:
    """Remove, as the validator, what earlier runs left in the validation domain; say so in evidence."""
    where = location.in_tenant
    tenant = systems.tenant(where.tenant)
    prefix, own = test_prefix(location), test_upn(location)
    return _removed(lambda: tenant.delete_test_users(where.validation_domain, prefix, keep=own))


def _removed(sweep: Callable[[], tuple[str, ...]]) -> str:
    """Remove what an earlier run left; return it as the beginning of a sentence, or an empty text.

    What may not be removed becomes a finding. After a lost answer it is looked for again.
    """
    try:
        try:
            gone = sweep()
        except Unknown:
            gone = sweep()
        return f"removed what an earlier run left: {', '.join(gone)}; " if gone else ""
    except NotPermitted as refused:
        problem = refused.sealed()
    current_record().here().find(
        Finding(
            "validation.test-user-left",
            problem.identifiers.get("users") or "test users of an earlier run",
            f"An earlier run left test users that could not be removed: {problem}",
            problem.what_to_do(),
        )
    )
    return ""
