"""Tokens for our own applications: one MSAL app per identity, its credential read from Vault when needed."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import msal
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.entra.codes import advice, classify
from connectors.entra.errors import HANDLED, translate
from connectors.entra.models import ProbeVerdict
from connectors.entra.settings import SYSTEM, AppIdentity, CredentialKind, TenantSettings
from connectors.entra.wire import MsalHttp
from connectors.errors import (
    InvalidInput,
    RotationError,
    SignInReason,
    SignInRefused,
    Unreachable,
)
from connectors.protocols import SecretSource
from connectors.secret import Secret

_log = logging.getLogger(__name__)
_OPERATION = "sign in as application"
_MISCONFIGURED = {ProbeVerdict.CLIENT_CONFIG, ProbeVerdict.TENANT_CONFIG}


class Tokens:
    """Hand out Graph tokens, kept in memory only. Thread-safe."""

    def __init__(
        self, settings: TenantSettings, secrets: SecretSource, client: httpx.Client
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._client = client
        self._apps: dict[AppIdentity, Any] = {}
        self._lock = threading.Lock()

    def token(self, identity: AppIdentity) -> Secret:
        """Return a token of ``identity``, from memory while it lasts.

        Raises Unreachable, SignInRefused, or InvalidInput naming what to correct.
        """
        with self._lock:
            return self._token(identity)

    def renew(self, identity: AppIdentity) -> Secret:
        """Return a new token: after a 401, and to see roles that were granted since the last one."""
        with self._lock:
            # A kept token would keep its old roles, and MSAL has no other way to drop it.
            self._apps.pop(identity, None)
            return self._token(identity)

    def permissions(self, identity: AppIdentity) -> frozenset[str] | None:
        """Return the application permissions that a new token of ``identity`` carries.

        None where the token cannot be read: Microsoft keeps the form of Graph's tokens to itself.
        """
        claims = self.renew(identity).reveal().split(".")[1:2]
        try:
            body = json.loads(base64.urlsafe_b64decode(f"{claims[0]}==="))
        except (IndexError, ValueError):
            return None
        roles = body.get("roles", []) if isinstance(body, dict) else None
        return frozenset(map(str, roles)) if isinstance(roles, list) else None

    def certificate_ends(self, identity: AppIdentity) -> datetime | None:
        """Return until when the certificate of ``identity`` is valid, in UTC; None for a client secret."""
        if identity.kind is CredentialKind.SECRET:
            return None
        document = self._secrets.document(identity.credential)
        certificate = _field(document, "certificate", identity)
        _check_certificate(_field(document, "private_key", identity), certificate, identity)
        return x509.load_pem_x509_certificate(certificate.reveal_bytes()).not_valid_after_utc

    def _token(self, identity: AppIdentity) -> Secret:
        _log.debug("entra: %s: client %s", _OPERATION, identity.client_id)
        problem: RotationError
        try:
            app = self._apps.get(identity) or self._app(identity)
            answer = app.acquire_token_for_client([f"{self._settings.graph_resource}/.default"])
            token = answer.get("access_token")
        except HANDLED as error:
            problem = translate(error, _OPERATION, client_id=identity.client_id)
        else:
            if isinstance(token, str):
                self._apps[identity] = app
                return Secret(token)
            problem = refused(answer, identity)
        # The next attempt reads the credential from Vault again: it may have been renewed there.
        self._apps.pop(identity, None)
        raise problem

    def _app(self, identity: AppIdentity) -> Any:
        return msal.ConfidentialClientApplication(
            identity.client_id,
            client_credential=self._credential(identity),
            authority=self._settings.authority_url,
            http_client=MsalHttp(self._client, _OPERATION),
            # MSAL would ask Microsoft whether it knows the host; a host of one's own it does not.
            instance_discovery=None if self._settings.known_host else False,
            # Unset, MSAL would obey an environment variable.
            azure_region=False,
        )

    def _credential(self, identity: AppIdentity) -> str | dict[str, str]:
        document = self._secrets.document(identity.credential)
        if identity.kind is CredentialKind.SECRET:
            return _field(document, "client_secret", identity).reveal()
        key = _field(document, "private_key", identity)
        certificate = _field(document, "certificate", identity)
        _check_certificate(key, certificate, identity)
        # NOTE: no thumbprint: with one, MSAL signs the deprecated SHA-1 way.
        return {"private_key": key.reveal(), "public_certificate": certificate.reveal()}


def refused(answer: Mapping[str, Any], identity: AppIdentity) -> RotationError:
    """Return what an error answer of the token endpoint means; nothing of its text is taken over."""
    codes = tuple(code for code in answer.get("error_codes") or () if isinstance(code, int))
    facts: dict[str, Any] = {
        "client_id": identity.client_id,
        "credential": identity.credential,
        "codes": " ".join(str(code) for code in codes) or None,
        "correlation_id": answer.get("correlation_id"),
    }
    verdict = classify(codes)
    if verdict is ProbeVerdict.TRANSIENT:
        return Unreachable(SYSTEM, _OPERATION, **facts)
    if verdict in _MISCONFIGURED or answer.get("error") == "invalid_client":
        text = f"{advice(codes)} The credential was read from {identity.credential}."
        return InvalidInput(SYSTEM, _OPERATION, advice=text, **facts)
    reason = SignInReason.OTHER
    if verdict is ProbeVerdict.VALID_BLOCKED_BY_POLICY:
        reason = SignInReason.BLOCKED_BY_POLICY
    return SignInRefused(SYSTEM, _OPERATION, reason=reason, advice=advice(codes), **facts)


def _field(document: Mapping[str, Secret], name: str, identity: AppIdentity) -> Secret:
    value = document.get(name)
    if value is None or not value:
        raise _unusable(identity, name, f"Write the field `{name}` to {identity.credential}.")
    return value


def _check_certificate(key: Secret, certificate: Secret, identity: AppIdentity) -> None:
    """Find out before signing in what Entra would say in a number only."""
    problem: InvalidInput | None = None
    try:
        private = load_pem_private_key(key.reveal_bytes(), password=None)
        public = x509.load_pem_x509_certificate(certificate.reveal_bytes())
        if not isinstance(private, rsa.RSAPrivateKey):
            problem = _unusable(identity, "private_key", "Use an RSA key; Entra takes no other.")
        elif private.public_key() != public.public_key():
            problem = _unusable(
                identity, "certificate", "Write the certificate that belongs to the private key."
            )
        elif public.not_valid_after_utc < datetime.now(UTC):
            problem = _unusable(
                identity,
                "certificate",
                f"It expired on {public.not_valid_after_utc:%Y-%m-%d}. Upload a new one to the app "
                f"registration and write it with its key to {identity.credential}.",
            )
    except HANDLED:
        problem = _unusable(
            identity, "private_key, certificate", "Write both as unencrypted PEM text."
        )
    if problem is not None:
        raise problem


def _unusable(identity: AppIdentity, field: str, text: str) -> InvalidInput:
    return InvalidInput(
        SYSTEM,
        _OPERATION,
        client_id=identity.client_id,
        credential=identity.credential,
        field=field,
        advice=text,
    )
