"""How this product gets a Vault token: one small class per way to sign in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.errors import InvalidInput, NotPermitted
from connectors.http import Effect
from connectors.secret import Secret
from connectors.vault.call import Answer, Call
from connectors.vault.files import read_secret_file
from connectors.vault.line import Line, not_vault
from connectors.vault.settings import AuthKind, VaultSettings, variable
from connectors.vault.wrapping import unwrap


@dataclass(frozen=True, slots=True)
class Lease:
    """A token and how long it lasts in seconds (None: it does not end by itself).

    ``ours`` is True when signing in made the token, so that closing revokes it.
    """

    token: Secret
    seconds: float | None
    renewable: bool
    ours: bool


class AuthMethod(Protocol):
    """A way to sign in to Vault."""

    def sign_in(self, line: Line) -> Lease:
        """Get a token; called again when the last one has ended."""


class SecretIdSource(Protocol):
    """Where AppRole's SecretID comes from."""

    def secret_id(self, line: Line) -> Secret:
        """Return the SecretID as it is now."""


class SecretIdFile:
    """A SecretID in a file, read anew for every sign-in, so that a replaced file is noticed."""

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings

    def secret_id(self, line: Line) -> Secret:
        """Read the file; raises InvalidInput when it is missing or too open."""
        del line
        return read_secret_file(self._settings.secret_id_file, variable("secret_id_file"))


class WrappedSecretIdFile:
    """A response-wrapped SecretID in a file: unwrapped once, then kept in memory of this process."""

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings
        self._unwrapped: tuple[Secret, Secret] | None = None

    def secret_id(self, line: Line) -> Secret:
        """Unwrap the SecretID when the file holds a new wrapping token.

        Raises NeedsPerson when the wrapping token was used by somebody else or made elsewhere.
        """
        token = read_secret_file(
            self._settings.wrapped_secret_id_file, variable("wrapped_secret_id_file")
        )
        if self._unwrapped is None or not self._unwrapped[0].matches(token):
            content = unwrap(line, token, self._creation_path(), "SecretID")
            value = content.get("secret_id")
            if not isinstance(value, str) or not value:
                raise InvalidInput(
                    "vault",
                    "unwrap",
                    field="secret_id",
                    advice="The wrapped content is no SecretID; wrap the answer of "
                    "vault write -wrap-ttl=120s -f auth/approle/role/ROLE/secret-id",
                )
            self._unwrapped = (token, Secret(value))
        return self._unwrapped[1]

    def _creation_path(self) -> re.Pattern[str]:
        namespace = re.escape(f"{self._settings.namespace}/" if self._settings.namespace else "")
        mount = re.escape(self._settings.auth_mount)
        return re.compile(rf"(?:{namespace})?auth/{mount}/role/[^/]+/(?:custom-)?secret-id")


class AppRole:
    """Sign in with a RoleID and a SecretID. The token is ours: it is revoked at the end."""

    def __init__(self, settings: VaultSettings) -> None:
        self._mount = settings.auth_mount
        self._role_id = settings.role_id or ""
        self._source: SecretIdSource = (
            WrappedSecretIdFile(settings)
            if settings.wrapped_secret_id_file
            else SecretIdFile(settings)
        )

    def sign_in(self, line: Line) -> Lease:
        """Sign in; raises NotPermitted when Vault does not take the RoleID and SecretID."""
        secret_id = self._source.secret_id(line)
        call = Call(
            "sign in with AppRole",
            f"auth/{self._mount}/login",
            # A lost answer costs at most one use of the SecretID, and a token that nobody knows.
            Effect.REPEATABLE,
            ("update",),
            frozenset({400}),
            {"auth_mount": self._mount},
        )
        answer = line.ask(
            call,
            lambda client: client.auth.approle.login(
                self._role_id, secret_id.reveal(), use_token=False, mount_point=self._mount
            ),
        )
        if answer.status == 400:
            raise NotPermitted("vault", call.operation, advice=_NEW_SECRET_ID, **call.about)
        return lease_from(answer, call)


class TokenFile:
    """Use a token that somebody else made and keeps fresh in a file, such as Vault Agent."""

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings

    def sign_in(self, line: Line) -> Lease:
        """Read the file and ask Vault how long the token lasts; raises NotPermitted when it ended."""
        path = self._settings.token_file
        token = read_secret_file(path, variable("token_file"))
        answer = line.ask(LOOK_UP_SELF, look_up_self, token)
        if answer.status != 200:
            raise NotPermitted(
                "vault",
                LOOK_UP_SELF.operation,
                file=path,
                advice=f"The token in {path} has ended or may not look itself up; write a new one "
                "there, or add the policy named default to it.",
            )
        seconds = _seconds(answer.data.get("ttl"))
        return Lease(token, seconds, answer.data.get("renewable") is True, ours=False)


LOOK_UP_SELF = Call(
    "look up own token", "auth/token/lookup-self", answers=frozenset({400, 401, 403, 404})
)

_NEW_SECRET_ID = (
    "Vault does not take this RoleID and SecretID: the SecretID was used up, has expired or belongs to "
    "another role. Make a new one with: vault write -f auth/approle/role/ROLE/secret-id"
)


def look_up_self(client: Any) -> object:
    """Send a look-up of the client's own token."""
    return client.auth.token.lookup_self()


def method(settings: VaultSettings) -> AuthMethod:
    """Return the way to sign in that the settings name."""
    return AppRole(settings) if settings.auth is AuthKind.APPROLE else TokenFile(settings)


def lease_from(answer: Answer, call: Call) -> Lease:
    """Read the token out of the answer to a sign-in or a renewal; raises NotPermitted without one."""
    auth = answer.body.get("auth")
    if not isinstance(auth, Mapping):
        raise not_vault(call)
    token = auth.get("client_token")
    if not isinstance(token, str) or not token:
        raise NotPermitted(
            "vault",
            call.operation,
            advice="Vault demands a second factor for this identity; exempt it in the login "
            "enforcement, see: vault list identity/mfa/login-enforcement",
            **call.about,
        )
    return Lease(
        Secret(token),
        _seconds(auth.get("lease_duration")),
        auth.get("renewable") is True,
        ours=True,
    )


def _seconds(value: object) -> float | None:
    """Return a duration of Vault's, where 0 says that there is no end."""
    return float(value) if isinstance(value, int | float) and value > 0 else None
