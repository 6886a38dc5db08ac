"""Where Vault is and how this product signs in to it, read from the environment once.

This is the only module of the connector that reads the environment, and it does no other I/O. Secret
material is never here: variables name files, and the files are read at the moment of use.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator
from pydantic import model_validator as validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.errors import InvalidInput

PREFIX = "ROTATION_VAULT_"

_SECRETS_BY_VALUE = {"TOKEN": "TOKEN_FILE", "SECRET_ID": "SECRET_ID_FILE"}
_FIXES = {
    "addr": "give the address of Vault, such as https://vault.example.test:8200",
    "auth": "say approle or token",
    "connect_timeout": "give seconds between 0.1 and 300",
    "read_timeout": "give seconds between 0.1 and 300",
    "stale_read_patience": "give seconds between 0 and 300",
}


class AuthKind(StrEnum):
    """How this product signs in to Vault."""

    APPROLE = "approle"
    TOKEN = "token"


class VaultSettings(BaseSettings):
    """Settings of the Vault connector, from variables that start with ``ROTATION_VAULT_``.

    Times are seconds. Raises InvalidInput that names every wrong variable at once, each with its fix.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    addr: str
    ca_file: Path | None = None
    namespace: str | None = None
    auth: AuthKind = AuthKind.APPROLE
    auth_mount: str = "approle"
    role_id: str | None = Field(default=None, repr=False)
    secret_id_file: Path | None = None
    wrapped_secret_id_file: Path | None = None
    token_file: Path | None = None
    connect_timeout: float = Field(default=5.0, ge=0.1, le=300)
    read_timeout: float = Field(default=20.0, ge=0.1, le=300)
    stale_read_patience: float = Field(default=5.0, ge=0, le=300)

    @field_validator("addr")
    @classmethod
    def _address(cls, value: str) -> str:
        problem = _address_problem(value)
        if problem:
            raise ValueError(problem)
        return value.rstrip("/")

    @field_validator("auth_mount", "namespace")
    @classmethod
    def _path(cls, value: str | None) -> str | None:
        if value is None:
            return None
        clean = value.strip("/")
        if not is_plain_path(clean):
            raise ValueError("give a plain path without empty or dot segments, such as approle")
        return clean

    @validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        problems = _unknown_variables() | _combination_problems(values)
        try:
            settings = handler(values)
        except ValidationError as error:
            problems |= {_variable(e["loc"]): _fix(dict(e)) for e in error.errors()}
        if problems:
            raise InvalidInput(
                "vault",
                "read settings",
                variables=" ".join(sorted(problems)),
                advice="; ".join(f"{name}: {fix}" for name, fix in sorted(problems.items())) + ".",
            )
        return settings


def variable(field: str) -> str:
    """Name the environment variable that fills a field of the settings."""
    return PREFIX + field.upper()


def is_plain_path(path: str) -> bool:
    """Say whether a path can be put into an address without changing what the address means.

    Dot segments would be resolved on the way out, so that another endpoint of Vault is called.
    """
    return path.isprintable() and all(
        part not in ("", ".", "..") and part == part.strip() for part in path.split("/")
    )


def _variable(location: tuple[int | str, ...]) -> str:
    return variable(str(location[0])) if location else PREFIX + "*"


def _fix(error: dict[str, Any]) -> str:
    cause = error.get("ctx", {}).get("error")
    field = str(error["loc"][0]) if error["loc"] else ""
    if isinstance(cause, ValueError):
        return str(cause)
    if error["type"] == "extra_forbidden":
        return "there is no such setting; remove it"
    return _FIXES.get(field, "give a text value, such as the path of a file")


def _address_problem(value: str) -> str | None:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return _FIXES["addr"]
    if parts.scheme not in ("https", "http") or not host:
        return _FIXES["addr"]
    if parts.scheme == "http" and not _is_loopback(host):
        return "use https; plain http is allowed for loopback addresses only"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "give scheme, host and port only, without user, query or fragment"
    return _base_path_problem(parts.path.strip("/"))


def _base_path_problem(path: str) -> str | None:
    if path.rsplit("/", maxsplit=1)[-1] == "v1":
        return "leave out /v1 at the end of the address"
    return None if not path or is_plain_path(path) else "give a plain path behind the host, or none"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unknown_variables() -> dict[str, str]:
    """Find variables that nobody would read: a typo, or a secret given by value."""
    known = {variable(field) for field in VaultSettings.model_fields}
    problems = {}
    for name in (name.upper() for name in os.environ):
        if not name.startswith(PREFIX) or name in known:
            continue
        instead = _SECRETS_BY_VALUE.get(name.removeprefix(PREFIX))
        close = difflib.get_close_matches(name, known, n=1)
        if instead:
            problems[name] = (
                f"write the secret into a file of mode 600, name the file in {PREFIX}{instead}, "
                "and unset this variable"
            )
        else:
            problems[name] = f"unknown; did you mean {close[0]}?" if close else "unknown; unset it"
    return problems


def _combination_problems(values: Any) -> dict[str, str]:
    given = {name for name, value in values.items() if value} if isinstance(values, dict) else set()
    auth = values.get("auth", AuthKind.APPROLE) if isinstance(values, dict) else None
    problems = {}
    if auth == AuthKind.APPROLE:
        if "role_id" not in given:
            problems[variable("role_id")] = "give the RoleID; signing in with AppRole needs it"
        if "token_file" in given:
            problems[variable("token_file")] = f"unset it, or set {variable('auth')}=token"
        if len(given & {"secret_id_file", "wrapped_secret_id_file"}) != 1:
            problems[variable("secret_id_file")] = (
                f"set either this or {variable('wrapped_secret_id_file')} to the path of a file, "
                "and not both"
            )
    elif auth == AuthKind.TOKEN:
        if "token_file" not in given:
            problems[variable("token_file")] = "give the path of the file that holds the token"
        for field in sorted(given & {"role_id", "secret_id_file", "wrapped_secret_id_file"}):
            problems[variable(field)] = f"unset it, or set {variable('auth')}=approle"
    return problems
