"""The console stand-in before a directory and a tenant: what the driver of the product never does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote_plus

import httpx
import pytest

from connectors.tls import tls_context
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.contracts.cayosoft.lab import AD, APP, M365, M365_ACCOUNT, TENANT_DOMAIN, Lab, running


@pytest.fixture(scope="module")
def lab(
    authority: Authority,
    new_password: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """Return a console with its systems."""
    with running(authority, tmp_path_factory.mktemp("systems"), new_password) as lab:
        yield lab


@pytest.fixture
def client(lab: Lab, authority: Authority) -> Iterator[httpx.Client]:
    """Return a signed-in client of the bridge that may say anything."""
    context = tls_context(authority.ca_file, "test")
    with httpx.Client(base_url=lab.console.url, verify=context, trust_env=False) as client:
        secret = quote_plus(lab.client["client_secret"])
        answer = client.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(lab.client["client_id"], secret),
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def test_a_ticked_checkbox_grants_for_all(lab: Lab, client: httpx.Client) -> None:
    """Ticked, the checkbox does what it says; a second acceptance unticked does not take it back."""
    row = f"/bridge/v1/extensions/microsoft_365/rows/{TENANT_DOMAIN}"
    prompt = client.post(f"{row}/permission-requests").json()["id"]
    for key, ticked in (("k1", True), ("k2", False)):
        answer = client.post(
            f"/bridge/v1/permission-requests/{prompt}/accept",
            json={"onBehalfOfOrganization": ticked},
            headers={"Idempotency-Key": key},
        )
        assert answer.status_code == 204
    state = lab.tenant.state()
    (app,) = [a["service_principal_id"] for a in state["apps"] if a["display_name"] == APP]
    kinds = {grant["consentType"] for grant in state["grants"] if grant["clientId"] == app}
    assert {"AllPrincipals", "Principal"} == kinds
    ticks = [
        call["detail"]["onBehalfOfOrganization"] for call in lab.console.calls("consent.accept")
    ]
    assert ticks == [True, False]


def test_a_grant_for_another_user_is_none_of_ours(lab: Lab, client: httpx.Client) -> None:
    """What was granted for somebody else only does not count as granted."""
    lab.tenant.do("reset")
    lab.tenant.do("set_password", upn=M365_ACCOUNT, password=lab.passwords[M365])
    lab.tenant.do("add_user", upn=f"other@{TENANT_DOMAIN}")
    lab.tenant.do(
        "grant", client=APP, kind="delegated", values=["User.Read"], upn=f"other@{TENANT_DOMAIN}"
    )
    section = client.get(f"/bridge/v1/extensions/microsoft_365/rows/{TENANT_DOMAIN}/consent")
    while section.json()["collecting"]:
        section = client.get(section.url)
    assert section.json()["status"] == "Consent is not granted"


def test_trusts_its_own_authority_only(
    lab: Lab, authority: Authority, new_password: Callable[[], str], tmp_path: Path
) -> None:
    """A directory or tenant with a certificate of another authority is not given a password."""
    stranger = Authority.create(tmp_path / "stranger")
    certificate, key = authority.issue("console-stranger")
    config = {
        "port": 0,
        "tls": {"cert": str(certificate), "key": str(key)},
        "ca_file": str(stranger.ca_file),
        "database": str(tmp_path / "console.sqlite"),
        "client": {"client_id": "rotation", "client_secret": new_password()},
        "active_directory": {"url": lab.directory.url, "base_dn": "DC=x", "domain": "x"},
        "entra": {
            "authority": f"{lab.tenant.url}/tenant",
            "graph": f"{lab.tenant.url}/v1.0",
            "tenant_id": "tenant",
            "domain": "x",
            "app_display_name": APP,
            "setup_client_id": "x",
        },
        "rows": [
            {
                "extension": extension,
                "row": "x",
                "account": "svc-cayo@x",
                "password": new_password(),
            }
            for extension in ("active_directory", "microsoft_365")
        ],
    }
    assert lab.signs_in(AD)
    for system in (lab.directory, lab.tenant):
        system.forget()
    with StandIn.start("sandbox.cayosoft", config) as console:
        for extension in ("active_directory", "microsoft_365"):
            answer = console.do("signs_in", extension=extension, row="x")
            assert answer == {"signs_in": False, "error_code": "no answer"}
    assert not lab.directory.journal()
    assert not lab.tenant.journal()
