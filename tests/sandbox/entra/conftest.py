"""One stand-in for all tests here, begun anew for each, and clients that do not know it from the real one."""

from __future__ import annotations

import datetime as dt
import secrets
import ssl
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msal
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority

DOMAIN = "contoso.example.test"
ACCOUNT = f"svc-cayosoft@{DOMAIN}"
PLAIN = f"plain@{DOMAIN}"
HELPER = f"helper@{DOMAIN}"
READER, SETTER, REMEDIATOR, PROBE, SETUP, PRODUCT = (str(uuid.uuid4()) for _ in range(6))
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
PERMISSIONS = [
    {"resource": "Microsoft Graph", "kind": "delegated", "value": "User.ReadWrite.All"},
    {"resource": "Microsoft Graph", "kind": "delegated", "value": "Group.ReadWrite.All"},
    {"resource": "Microsoft Graph", "kind": "application", "value": "Directory.Read.All"},
    {"resource": "Exchange Online", "kind": "delegated", "value": "Exchange.Manage"},
]


class _Rewritten(httpx.HTTPTransport):
    """Sends what MSAL addresses to the bare host to the stand-in's port."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, retries=0)
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.port is None:
            request.url = request.url.copy_with(port=self._port)
        return super().handle_request(request)


class _MsalHttp(httpx.Client):
    """MSAL hands a client assertion over as bytes, which httpx would write as their repr."""

    def post(self, url: Any, *, data: Any = None, **rest: Any) -> httpx.Response:
        text = {k: v.decode() if isinstance(v, bytes) else v for k, v in (data or {}).items()}
        return super().post(url, data=text, **rest)


@dataclass
class Desk:
    """Where a test sits: the stand-in, its secrets, and clients for it."""

    stand_in: StandIn
    context: ssl.SSLContext
    passwords: dict[str, str]
    certificate: dict[str, str]
    secrets: dict[str, str]
    _open: list[httpx.Client] = field(default_factory=list)

    @property
    def authority(self) -> str:
        """The address that MSAL is given."""
        return str(self.stand_in.endpoints["authority"])

    def http(self) -> httpx.Client:
        """Return a client as MSAL wants it, closed with the test."""
        port = httpx.URL(self.stand_in.url).port
        assert port
        client = _MsalHttp(transport=_Rewritten(port, self.context), trust_env=False, timeout=10)
        self._open.append(client)
        return client

    def sign_in(
        self,
        upn: str,
        password: str | None = None,
        client: str = PROBE,
        scopes: tuple[str, ...] = ("User.Read",),
    ) -> dict[str, Any]:
        """Sign in once with MSAL, a new app object each time."""
        app = msal.PublicClientApplication(
            client,
            authority=self.authority,
            instance_discovery=False,
            http_client=self.http(),
            exclude_scopes=["offline_access"],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            answer: dict[str, Any] = app.acquire_token_by_username_password(
                upn, self.passwords.get(upn, "") if password is None else password, list(scopes)
            )
        return answer

    def codes(self, upn: str, password: str | None = None, **rest: Any) -> list[int]:
        """Sign in once and return the AADSTS numbers; none on success."""
        return list(self.sign_in(upn, password, **rest).get("error_codes", []))

    def application(self, client: str, credential: Any = None) -> dict[str, Any]:
        """Get an app-only token with MSAL; the default credential is the registered one."""
        app = msal.ConfidentialClientApplication(
            client,
            client_credential=credential or self.secrets.get(client) or self.certificate,
            authority=self.authority,
            instance_discovery=False,
            http_client=self.http(),
        )
        answer: dict[str, Any] = app.acquire_token_for_client(
            ["https://graph.microsoft.com/.default"]
        )
        return answer

    def graph(self, token: dict[str, Any]) -> httpx.Client:
        """Return a Graph client with this token."""
        client = httpx.Client(
            base_url=self.stand_in.endpoints["graph"],
            headers={"Authorization": f"Bearer {token['access_token']}"},
            verify=self.context,
            trust_env=False,
        )
        self._open.append(client)
        return client

    def as_app(self, client: str = READER) -> httpx.Client:
        """Return a Graph client of an application on its own."""
        return self.graph(self.application(client))

    def as_user(self, upn: str, client: str = SETUP) -> httpx.Client:
        """Return a Graph client of a signed-in user."""
        scopes = ("https://graph.microsoft.com/.default",)
        return self.graph(self.sign_in(upn, client=client, scopes=scopes))

    def state_of(self, upn: str) -> dict[str, Any]:
        """Return the state view of one user."""
        users = self.stand_in.state()["users"]
        return next(user for user in users if user["upn"] == upn)

    def consent(self, upn: str = ACCOUNT, **body: Any) -> httpx.Response:
        """Accept the product's prompt as a person."""
        person = {"client_id": PRODUCT, "username": upn, "password": self.passwords.get(upn)}
        return self.http().post(
            f"{self.authority}/oauth2/v2.0/consent", data=None, json={**person, **body}
        )

    def close(self) -> None:
        """Close every client that was handed out."""
        for client in self._open:
            client.close()
        self._open.clear()


def make_certificate() -> dict[str, str]:
    """Return a self-signed certificate in the form that MSAL takes."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return {
        "private_key": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        "public_certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
    }


def configuration(
    tls: tuple[Path, Path], passwords: dict[str, str], secret: dict[str, str], pem: str
) -> dict[str, Any]:
    """Return the configuration of the tenant that all tests here begin with."""
    roles: dict[str, list[str]] = {
        ACCOUNT: ["Global Administrator"],
        HELPER: ["User Administrator"],
    }
    everything = ["User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All"]
    return {
        "port": 0,
        "tls": {"cert": str(tls[0]), "key": str(tls[1])},
        "tenant_id": str(uuid.uuid4()),
        "domain": DOMAIN,
        "users": [
            {"upn": upn, "password": password, "roles": roles.get(upn, [])}
            for upn, password in passwords.items()
        ],
        "clients": [
            {
                "app_id": READER,
                "display_name": "verifier",
                "kind": "confidential",
                "certificate_pem": pem,
                "application_permissions": [
                    "User.Read.All", "Application.Read.All", "Directory.Read.All",
                    "RoleManagement.Read.Directory",
                ],
            },
            {
                "app_id": SETTER,
                "display_name": "validator",
                "kind": "confidential",
                "client_secret": secret[SETTER],
                "application_permissions": everything,
            },
            {
                "app_id": REMEDIATOR,
                "display_name": "remediator",
                "kind": "confidential",
                "client_secret": secret[REMEDIATOR],
                "application_permissions": [
                    "Application.Read.All", "AppRoleAssignment.ReadWrite.All",
                    "DelegatedPermissionGrant.ReadWrite.All", "Application.ReadWrite.OwnedBy",
                ],
            },
            {
                "app_id": PROBE,
                "display_name": "probe",
                "kind": "public",
                "delegated_permissions": ["User.Read"],
            },
            {
                "app_id": SETUP,
                "display_name": "setup",
                "kind": "public",
                "delegated_permissions": [
                    *everything, "Application.ReadWrite.All",
                    "UserAuthenticationMethod.ReadWrite.All",
                ],
            },
        ],
        "product": {
            "app_display_name": "Cayosoft Administrator API Access",
            "app_id": PRODUCT,
            "permissions": PERMISSIONS,
            "withhold": [],
            "granted_organization_wide": [],
        },
    }  # fmt: skip


@pytest.fixture(scope="session")
def _desk(authority: Authority, new_password: Callable[[], str]) -> Iterator[Desk]:
    passwords = {upn: new_password() for upn in (ACCOUNT, PLAIN, HELPER)}
    secret = {client: secrets.token_urlsafe(24) for client in (SETTER, REMEDIATOR)}
    certificate = make_certificate()
    config = configuration(
        authority.issue("entra"), passwords, secret, certificate["public_certificate"]
    )
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    with StandIn.start("sandbox.entra", config) as stand_in:
        yield Desk(stand_in, context, passwords, certificate, secret)


@pytest.fixture
def desk(_desk: Desk) -> Iterator[Desk]:
    """Return a desk at a tenant begun anew."""
    _desk.stand_in.do("reset")
    _desk.stand_in.disarm()
    _desk.stand_in.forget()
    yield _desk
    _desk.close()
