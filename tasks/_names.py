"""What the test users of V are called: told apart by connection, by run and by road."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum

from prefect.runtime import flow_run

from tasks.identify import Location


class Road(StrEnum):
    """Who carries out an operation of the validation."""

    PRODUCT = "the product"
    ACCOUNT = "the account itself"


_MARKS = {Road.PRODUCT: "", Road.ACCOUNT: "a"}


def prefix_of(location: Location) -> str:
    """Return what the names of all test users of this connection start with; another's by one chance in 10^9."""
    digest = hashlib.sha256(location.name.casefold().encode()).digest()
    return f"rot-{base64.b32encode(digest).decode()[:6].lower()}-"


def name_of(location: Location, road: Road = Road.PRODUCT) -> str:
    """Return the name of this run's test user on a road: at most 20 characters."""
    # The end of the id: the beginning may be a time.
    run_id = (flow_run.get_id() or "no-run").replace("-", "")
    return f"{prefix_of(location)}{run_id[-8:]}{_MARKS[road]}"


def upn_of(location: Location) -> str:
    """Return the UPN of this run's test user in the tenant."""
    return f"{name_of(location)}@{location.in_tenant.validation_domain}"
