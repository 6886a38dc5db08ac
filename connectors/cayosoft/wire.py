"""The bridge's JSON, read strictly and turned into our nouns (docs/console-bridge.openapi.yaml)."""

from __future__ import annotations

from typing import Annotated, TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from connectors.cayosoft.models import (
    AppRegistration,
    CheckResult,
    ConnectionRow,
    ConsoleConsent,
    ConsoleConsentRow,
    ConsoleSession,
    Draft,
    Operation,
    OperationResult,
    PermissionRequest,
)
from connectors.models import Extension

T = TypeVar("T", bound=BaseModel)

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
Revision = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Text = Annotated[str, Field(max_length=2000)]


class Wire(BaseModel):
    """One JSON answer. Members that we do not know are ignored, so that a bridge may say more."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, hide_input_in_errors=True
    )


class TokenWire(BaseModel):
    """The token endpoint's answer (RFC 6749, section 5.1). ``expires_in`` is in seconds."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    access_token: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9._~+/-]+=*$", repr=False)]
    token_type: Annotated[str, Field(pattern=r"^[Bb]earer$")]
    expires_in: Annotated[int, Field(ge=1)]


class TokenRefusalWire(BaseModel):
    """The token endpoint's no (RFC 6749, section 5.2)."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    error: Annotated[str, Field(max_length=64)]


class SessionWire(Wire):
    """GET session."""

    signed_in_as: Text
    product_role: Text
    product_version: Text
    service: Text

    def to_model(self) -> ConsoleSession:
        """Return the session."""
        return ConsoleSession(
            self.signed_in_as, self.product_role, self.product_version, self.service
        )


class ExtensionWire(Wire):
    """GET extension."""

    extension: Extension
    enabled: bool


class RowWire(Wire):
    """A connection row, read or just saved."""

    extension: Extension
    row: Text
    enabled: bool
    account: Text
    revision: Revision
    secret_label: Text | None
    saved_at: AwareDatetime | None
    saved_key: Text | None

    def to_model(self) -> ConnectionRow:
        """Return the row."""
        return ConnectionRow(
            self.extension,
            self.row,
            self.enabled,
            self.account,
            self.revision,
            self.secret_label,
            self.saved_at,
            self.saved_key,
        )


class DraftWire(Wire):
    """A new draft."""

    id: Id
    extension: Extension
    row: Text
    account: Text
    base_revision: Revision
    expires_at: AwareDatetime

    def to_model(self) -> Draft:
        """Return the draft."""
        return Draft(
            self.id, self.extension, self.row, self.account, self.base_revision, self.expires_at
        )


class CheckWire(Wire):
    """Check Settings or Validate."""

    ok: bool
    messages: tuple[Text, ...]

    def to_model(self) -> CheckResult:
        """Return what the screen showed."""
        return CheckResult(self.ok, self.messages)


class AppWire(Wire):
    """Find or register the app."""

    app_id: Annotated[str, Field(min_length=1, max_length=128)]
    display_name: Text
    registered_now: bool

    def to_model(self) -> AppRegistration:
        """Return the app."""
        return AppRegistration(self.app_id, self.display_name, self.registered_now)


class PermissionRequestWire(Wire):
    """The permission prompt."""

    id: Id
    permissions: tuple[Text, ...]
    already_granted: bool

    def to_model(self) -> PermissionRequest:
        """Return the prompt."""
        return PermissionRequest(self.id, self.permissions, self.already_granted)


class ConsentRowWire(Wire):
    """One row of the consent table."""

    api: Text
    permission: Text
    status: Text


class ConsentWire(Wire):
    """The consent section."""

    status: Text
    rows: tuple[ConsentRowWire, ...]
    red_banner: bool
    collecting: bool

    def to_model(self) -> ConsoleConsent:
        """Return the section in the console's own words."""
        rows = tuple(ConsoleConsentRow(row.api, row.permission, row.status) for row in self.rows)
        return ConsoleConsent(self.status, rows, self.red_banner, self.collecting)


class OperationWire(Wire):
    """The result of one operation."""

    operation: Operation
    ok: bool
    object_id: Text | None
    error_code: Text | None
    message: Text

    def to_model(self) -> OperationResult:
        """Return the result."""
        return OperationResult(
            self.operation, self.ok, self.object_id, self.error_code, self.message
        )


class ProblemWire(Wire):
    """What we read from a problem (RFC 9457). Free text is left where it is: it may quote anything."""

    type: Annotated[str, Field(pattern=r"^urn:console-bridge:[a-z-]{1,40}$")] | None = None
    field: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.-]{0,63}$")] | None = None
    error_code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = None


def read(kind: type[T], response: httpx.Response) -> T | None:
    """Return the body as ``kind``, or None when it is not one; no text of the failure survives."""
    try:
        return kind.model_validate_json(response.content, strict=True)
    except ValidationError:
        return None
