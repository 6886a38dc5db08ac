"""What the configuration makes, and what no request may break."""

from __future__ import annotations

import base64
import re
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sandbox import entra
from sandbox.entra.commands import Commands
from sandbox.entra.server import assemble
from sandbox.entra.tenant import Tenant
from sandbox.standin.control import Control
from sandbox.standin.http import App
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.sandbox.entra.conftest import (
    ACCOUNT,
    PERMISSIONS,
    PLAIN,
    PRODUCT,
    READER,
    SETTER,
    SETUP,
    Desk,
    configuration,
    make_certificate,
)
from tests.sandbox.entra.test_graph_users import body, refusal

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def start(
    authority: Authority, new_password: Callable[[], str]
) -> Iterator[Callable[..., StandIn]]:
    """Return a starter of stand-ins whose product is configured by the test."""
    running = []

    def starter(**product: object) -> StandIn:
        values = {upn: new_password() for upn in (ACCOUNT, PLAIN)}
        secret = _Made()
        pem = make_certificate()["public_certificate"]
        config = configuration(authority.issue("entra-start"), values, secret, pem)
        config["product"] |= product
        running.append(StandIn.start("sandbox.entra", config))
        return running[-1]

    yield starter
    for stand_in in running:
        stand_in.stop()


class _Made(dict[str, str]):
    """Makes a secret for whoever asks."""

    def __missing__(self, key: str) -> str:
        self[key] = secrets.token_urlsafe(24)
        return self[key]


def test_seeded_grants(start: Callable[..., StandIn]) -> None:
    """Earlier consent can be configured: for one person without what is withheld, and for everybody."""
    stand_in = start(
        granted_for=[ACCOUNT],
        withhold=["Group.ReadWrite.All"],
        granted_organization_wide=["Directory.Read.All"],
    )
    state = stand_in.state()
    ids = {app["app_id"]: app["service_principal_id"] for app in state["apps"]}
    of_product = [it for it in state["grants"] if it["clientId"] == ids[PRODUCT]]
    assert sorted((it["consentType"], it["scope"]) for it in of_product) == [
        ("AllPrincipals", "Directory.Read.All"),
        ("Principal", "Exchange.Manage"),
        ("Principal", "User.ReadWrite.All"),
    ]
    held = [it for it in state["assignments"] if it["principalType"] == "ServicePrincipal"]
    assert ids[PRODUCT] in {it["principalId"] for it in held}


def test_product_not_registered_yet(start: Callable[..., StandIn]) -> None:
    """Without an app id there is no app of the product, only what it would ask for."""
    names = {app["display_name"] for app in start(app_id=None).state()["apps"]}
    assert "Cayosoft Administrator API Access" not in names
    assert "Microsoft Graph" in names


def test_permission_without_a_known_id(start: Callable[..., StandIn]) -> None:
    """A permission that our facts have no id for is offered all the same, under the same id each time."""
    unusual = {"resource": "Microsoft Graph", "kind": "delegated", "value": "Reports.Read.All"}
    (app,) = [it for it in start(permissions=[unusual]).state()["apps"] if it["app_id"] == PRODUCT]
    assert [it["value"] for it in app["asks_for"]] == ["Reports.Read.All"]


def test_legacy_thumbprint(desk: Desk) -> None:
    """The older form of a certificate credential, RS256 with a SHA-1 thumbprint, works too."""
    public = x509.load_pem_x509_certificate(desk.certificate["public_certificate"].encode())
    credential = {
        "private_key": desk.certificate["private_key"],
        "thumbprint": public.fingerprint(hashes.SHA1()).hex(),
    }
    assert "access_token" in desk.application(READER, credential)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, None), ({"aud": "https://elsewhere.test/token"}, 700023), ({"iss": SETTER}, 700021),
        ({"sub": SETTER}, 700021), ({"exp": 1}, 700024), ({"nbf": 9999999999}, 700024),
    ],
)  # fmt: skip
def test_assertion(desk: Desk, changed: dict[str, object], code: int | None) -> None:
    """An assertion is for this endpoint, from this client, for now."""
    now = int(time.time())
    claims = {
        "aud": f"{desk.authority}/oauth2/v2.0/token", "iss": READER, "sub": READER,
        "jti": str(uuid.uuid4()), "nbf": now, "exp": now + 600,
    }  # fmt: skip
    public = x509.load_pem_x509_certificate(desk.certificate["public_certificate"].encode())
    thumbprint = base64.urlsafe_b64encode(public.fingerprint(hashes.SHA256())).decode()
    assertion = jwt.encode(
        claims | changed,
        desk.certificate["private_key"],
        algorithm="PS256",
        headers={"x5t#S256": thumbprint},
    )
    form = {
        "client_id": READER, "grant_type": "client_credentials",
        "scope": "https://graph.microsoft.com/.default",
        "client_assertion_type": TYPE, "client_assertion": assertion,
    }  # fmt: skip
    answer = desk.http().post(f"{desk.authority}/oauth2/v2.0/token", data=form).json()
    assert answer.get("error_codes") == ([code] if code else None)


def test_attempts_are_counted_one_by_one(desk: Desk) -> None:
    """Sign-ins at the same moment are all counted."""
    wrong = [secrets.token_urlsafe(12) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda password: desk.codes(PLAIN, password), wrong))
    assert codes == [[50126]] * 8
    state = desk.state_of(PLAIN)
    assert (state["attempts"], state["wrong"], state["failures"]) == (8, 8, 8)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'"text"', b"\xff"])
def test_malformed_bodies(desk: Desk, content: bytes) -> None:
    """A body that is not what it should be is refused, not an accident."""
    graph = desk.as_app(SETTER)
    assert refusal(graph.post("/users", content=content)) == (400, "Request_BadRequest")
    where = f"{desk.authority}/oauth2/v2.0/consent"
    with httpx.Client(verify=desk.context, trust_env=False) as plain:
        assert plain.post(where, content=content).status_code == 400


def test_values_of_the_wrong_type(desk: Desk, new_password: Callable[[], str]) -> None:
    """Properties of the wrong type are refused."""
    graph = desk.as_app(SETTER)
    for name, value in (("userPrincipalName", 1), ("accountEnabled", "yes"), ("department", [])):
        answer = graph.post("/users", json=body(new_password()) | {name: value})
        assert refusal(answer) == (400, "Request_BadRequest")
    setup = desk.as_user(ACCOUNT, SETUP)
    for access in ([{}], [{"resourceAppId": "x", "resourceAccess": [{"id": "1"}]}], 7):
        new = {"displayName": "x", "requiredResourceAccess": access}
        assert refusal(setup.post("/applications", json=new)) == (400, "Request_BadRequest")


def test_unknown_addresses(desk: Desk) -> None:
    """Nobody's address is answered as Graph answers it."""
    assert desk.as_app().get("/nothing").status_code == 404
    assert desk.as_app().put("/users").status_code == 405


def test_unsupported_filter(desk: Desk) -> None:
    """A filter that is not understood is refused, never ignored."""
    for text in ("endswith(mail,'x')", "displayName eq", "displayName ne 'x'"):
        answer = desk.as_app().get("/users", params={"$filter": text})
        assert refusal(answer) == (400, "Request_BadRequest"), text


def test_everything_asked_for_is_offered(desk: Desk) -> None:
    """What the product asks for is what the configuration said, under the resources' real names."""
    (app,) = [it for it in desk.stand_in.state()["apps"] if it["app_id"] == PRODUCT]
    asked = {
        (it["resource"].removeprefix("Office 365 "), it["kind"], it["value"])
        for it in app["asks_for"]
    }
    assert asked == {(it["resource"], it["kind"], it["value"]) for it in PERMISSIONS}


def test_unknown_command(desk: Desk) -> None:
    """A state command that does not exist is an error."""
    for name in ("no_such", "_user", "change", "show"):
        with pytest.raises(ValueError, match="POST /state"):
            desk.stand_in.do(name)


def test_readme_names_everything() -> None:
    """The README lists exactly the routes and the commands that there are."""
    words = set(re.findall(r"`([\w.]+)`", (Path(entra.__file__).parent / "README.md").read_text()))
    control = Control()
    app, tenant = App(control), Tenant(control, "tenant", "example.test")
    assemble(app, tenant)
    routes = {name for _, _, name, _ in app._routes}
    commands = {name for name in vars(Commands) if not name.startswith("_")} - {"show", "change"}
    assert routes | commands <= words
    assert {word for word in words if word.startswith(("graph.", "consent."))} <= routes
