"""What the procedure asks of the Cayosoft Administrator console; ``protocols`` has the other systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from connectors.cayosoft.models import (
    AppRegistration,
    CheckResult,
    ConnectionRow,
    ConsoleConsent,
    ConsoleSession,
    Draft,
    Operation,
    OperationResult,
    PermissionRequest,
)
from connectors.models import Extension, SecretHandle


class Console(Protocol):
    """The Cayosoft Administrator console: looking (A1-A3, E1-E3)."""

    def sign_in(self) -> ConsoleSession:
        """Sign in with administrator privileges."""

    def extension_enabled(self, extension: Extension) -> bool:
        """Open Configuration > Connected System Extensions > the extension."""

    def connection_row(self, extension: Extension, row: str) -> ConnectionRow:
        """Locate the connection and its default-credentials selector."""


class CredentialEditor(Protocol):
    """The console: entering and saving a credential (A4-A6, E3-E4)."""

    def enter_credential(self, row: ConnectionRow, account: SecretHandle, label: str) -> Draft:
        """Open an edit draft and enter the account and password; nothing is saved yet."""

    def discard(self, draft: Draft) -> None:
        """Throw the draft away; one that is already gone is success."""

    def save(self, draft: Draft, idempotency_key: str) -> ConnectionRow:
        """Save the draft against its base revision; raise Conflict when somebody saved in between."""

    def check_settings(self, extension: Extension, row: str) -> CheckResult:
        """Run Check Settings with the saved credential."""

    def validate(self, draft: Draft) -> CheckResult:
        """Run Validate with the entered, unsaved credential (Microsoft 365 only)."""


class ConsentPages(Protocol):
    """The console: app and consent (E5-E7)."""

    def find_or_register_app(self, row: ConnectionRow, idempotency_key: str) -> AppRegistration:
        """Find the registered app, or register it, signing in with the connection account."""

    def permission_request(self, row: ConnectionRow) -> PermissionRequest:
        """Open the permission prompt."""

    def accept_permissions(
        self, request: PermissionRequest, *, on_behalf_of_organization: bool, idempotency_key: str
    ) -> None:
        """Accept the prompt; the product's rule is ``on_behalf_of_organization=False``, always."""

    def consent(self, row: ConnectionRow) -> ConsoleConsent:
        """Read the Entra ID application consent section."""


class ProductOperations(Protocol):
    """The product's own operations, run with the credential that the console holds (V1-V7)."""

    def run_operation(
        self,
        extension: Extension,
        row: str,
        operation: Operation,
        arguments: Mapping[str, str],
        idempotency_key: str,
    ) -> OperationResult:
        """Run one operation. A directory's refusal is a result (``ok`` False), not an error."""


class ConsoleDriver(Console, CredentialEditor, ConsentPages, ProductOperations, Protocol):
    """One driver of the console; it keeps every promise above."""
