"""Settings of a tenant."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.entra.settings import (
    CHINA,
    CLOUDS,
    PUBLIC,
    US_GOVERNMENT,
    AppIdentity,
    CredentialKind,
)
from connectors.errors import InvalidInput
from tests.unit.entra.support import AUTHORITY, SETTER_SECRET, TENANT, settings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenant_id", "corp.onmicrosoft.com"),
        ("probe_client_id", "probe"),
        ("authority", "http://login.microsoftonline.com"),
        ("authority", "https://login.microsoftonline.com/common"),
        ("authority", "https://user@login.microsoftonline.com"),
        ("graph", "graph.microsoft.com"),
        ("probe_limit", 0),
        ("probe_limit", 4),
    ],
)
def test_refuses(field: str, value: Any) -> None:
    """A wrong field is refused by name, with what to write instead."""
    with pytest.raises(InvalidInput) as refused:
        settings(**{field: value})
    assert refused.value.identifiers["field"] == field
    assert refused.value.what_to_do().startswith(f"{field}: ")


@pytest.mark.parametrize("identity", ["verifier", "validator", "setter"])
def test_identities_are_guids(identity: str) -> None:
    """An application that is given by its name is refused, and the field is named."""
    named = AppIdentity("rotation app", SETTER_SECRET, CredentialKind.SECRET)
    with pytest.raises(InvalidInput) as refused:
        settings(**{identity: named})
    assert refused.value.identifiers["field"] == f"{identity}.client_id"


@pytest.mark.parametrize("identity", ["validator", "setter"])
def test_identities_that_may_lack(identity: str) -> None:
    """A tenant in which nothing is changed needs neither a validator nor a setter."""
    assert getattr(settings(**{identity: None}), identity) is None


def test_takes_authority_with_tenant() -> None:
    """The authority may be given the way discovery documents name it."""
    assert settings(authority=f"{AUTHORITY}/{TENANT}/").authority_url == f"{AUTHORITY}/{TENANT}"


def test_probes_allowed() -> None:
    """One probe where a lockout is near or reaches Active Directory, else the configured number."""
    government = {"authority": US_GOVERNMENT.authority, "graph": US_GOVERNMENT.graph}
    assert settings().probes_allowed == 3
    assert settings(probe_limit=2).probes_allowed == 2
    assert settings(pass_through=True).probes_allowed == 1
    assert settings(**government).probes_allowed == 1


@pytest.mark.parametrize("cloud", CLOUDS.values())
def test_known_clouds(cloud: Any) -> None:
    """A cloud's own Graph is the audience of its tokens, and its host needs no discovery."""
    known = settings(authority=cloud.authority, graph=cloud.graph)
    assert known.known_host
    assert cloud.graph == f"{known.graph_resource}/v1.0"


def test_host_of_ones_own() -> None:
    """Any other host serves the public Graph's audience."""
    assert not settings().known_host
    assert settings().graph_resource == "https://graph.microsoft.com"


def test_clouds_are_named() -> None:
    """The clouds are named values."""
    assert CLOUDS == {"public": PUBLIC, "us_government": US_GOVERNMENT, "china": CHINA}
