"""What the intake is told by its environment: variables that start with INTAKE_, and Prefect's address."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.errors import InvalidInput
from intake.spool import Limits

PREFIX = "INTAKE_"
_BY_VALUE = {
    "WEBHOOK_KEYS": "WEBHOOK_KEYS_FILE",
    "WEBHOOK_KEY": "WEBHOOK_KEYS_FILE",
    "AUDIT_TOKEN": "AUDIT_TOKENS_FILE",
    "PREFECT_AUTH": "PREFECT_AUTH_FILE",
}


class SpoolSettings(BaseSettings):
    """Where the spool is, and how much it holds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    spool: Path = Field(description="the file of the spool, on a disk of this machine")
    spool_rows: int = Field(default=10_000, ge=10, le=1_000_000)
    spool_megabytes: int = Field(default=64, ge=1, le=10_000)
    delivered_days: float = Field(default=7.0, ge=0.02, le=365)

    @property
    def limits(self) -> Limits:
        """Return how much the spool holds."""
        return Limits(
            rows=self.spool_rows,
            bytes=self.spool_megabytes * 1024 * 1024,
            delivered=self.spool_rows,
            delivered_for=self.delivered_days * 86_400,
        )

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        problems = _unknown()
        try:
            settings = handler(values)
        except ValidationError as error:
            problems |= {
                _name(item["loc"]): _fix(item["type"], item["msg"]) for item in error.errors()
            }
        if problems:
            raise InvalidInput(
                "intake",
                "read settings",
                variables=" ".join(sorted(problems)),
                advice="; ".join(f"{name}: {fix}" for name, fix in sorted(problems.items())) + ".",
            )
        return settings


class EventSettings(SpoolSettings):
    """Which of Vault Enterprise's events are listened to."""

    event_types: str = Field(default="kv-v2/data-*,ldap/rotate", pattern=r"^[a-z0-9*/,-]+$")

    @property
    def types(self) -> tuple[str, ...]:
        """Return them one by one."""
        return tuple(filter(None, self.event_types.split(",")))


class IntakeSettings(SpoolSettings):
    """Settings of the listening intake. Raises InvalidInput that names every wrong variable at once.

    Keys and tokens are in files that only this user may reach. Times are seconds, sizes bytes.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8477, ge=0, le=65_535)
    tls_certificate: Path | None = None
    tls_key: Path | None = Field(default=None, validate_default=True)

    webhook_keys_file: Path
    audit_tokens_file: Path | None = None

    largest_message: int = Field(default=20_000, ge=256, le=1_000_000)
    largest_audit: int = Field(default=1_000_000, ge=1_000, le=50_000_000)
    reading_patience: float = Field(default=10.0, ge=0.1, le=60)
    most_at_once: int = Field(default=100, ge=1, le=10_000)
    rate: float = Field(default=50.0, gt=0, le=100_000)
    burst: int = Field(default=1_000, ge=1, le=1_000_000)

    prefect_api_url: str = Field(
        validation_alias=AliasChoices("INTAKE_PREFECT_API_URL", "PREFECT_API_URL")
    )
    prefect_ca_file: Path | None = None
    prefect_auth_file: Path | None = None
    deployment: str = "update_account_credentials/update"

    future_patience: float = Field(default=3_600.0, ge=0.1, le=7 * 86_400)
    first_wait: float = Field(default=1.0, ge=0.01, le=60)
    longest_wait: float = Field(default=60.0, ge=0.01, le=3_600)
    look_every: float = Field(default=15.0, ge=0.05, le=300)

    @field_validator("prefect_api_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("give the address of Prefect's API, such as http://127.0.0.1:4200/api")
        return value.rstrip("/") + "/"

    @field_validator("deployment")
    @classmethod
    def _deployment(cls, value: str) -> str:
        if value.count("/") != 1 or not all(part.strip() for part in value.split("/")):
            raise ValueError("give FLOW/DEPLOYMENT, such as update_account_credentials/update")
        return value

    @field_validator("tls_key")
    @classmethod
    def _both_or_none(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "tls_certificate" in info.data and (info.data["tls_certificate"] is None) is not (
            value is None
        ):
            raise ValueError("set INTAKE_TLS_CERTIFICATE and INTAKE_TLS_KEY both, or neither")
        return value


def _unknown() -> dict[str, str]:
    """Find variables that nobody would read: a typo, or a secret given by value."""
    fields = (*IntakeSettings.model_fields, *EventSettings.model_fields)
    known = {_name((field,)) for field in fields}
    problems = {}
    for name in (name.upper() for name in os.environ):
        if not name.startswith(PREFIX) or name in known:
            continue
        instead = _BY_VALUE.get(name.removeprefix(PREFIX))
        close = difflib.get_close_matches(name, known, n=1)
        if instead:
            problems[name] = (
                f"write the secret into a file of mode 600, name the file in {PREFIX}{instead}, "
                "and unset this variable"
            )
        else:
            problems[name] = f"unknown; did you mean {close[0]}?" if close else "unknown; unset it"
    return problems


def _name(location: tuple[int | str, ...]) -> str:
    first = str(location[0]) if location else "*"
    return first if first.startswith((PREFIX, "PREFECT_")) else PREFIX + first.upper()


def _fix(kind: str, message: str) -> str:
    if kind == "missing":
        return "set it"
    return message.removeprefix("Value error, ")
