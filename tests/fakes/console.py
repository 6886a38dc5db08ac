"""A console in memory: rows with revisions, drafts, saves under a key, consent, and operations."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

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
from connectors.errors import Conflict, NotFound
from connectors.models import Extension, SecretHandle
from tests.fakes.directory import FakeDirectory
from tests.fakes.telling import Told

AD_ROW = ConnectionRow(
    Extension.ACTIVE_DIRECTORY, "corp.example.com", True, "svc@corp.example.com",
    "r1", None, None, None,
)  # fmt: skip
M365_ROW = ConnectionRow(
    Extension.MICROSOFT_365, "contoso.example", True, "svc@contoso.example", "r1", None, None, None
)


class FakeConsole(Told):
    """One console. A save replays under its key; a draft on an old revision is a Conflict."""

    def __init__(self, directory: FakeDirectory, accounts: Mapping[SecretHandle, str]) -> None:
        super().__init__()
        self.session = ConsoleSession("ops", "Global Administrators", "13.3", "hq")
        self.rows = {(r.extension, r.row): r for r in (AD_ROW, M365_ROW)}
        self.drafts: dict[str, tuple[Draft, str]] = {}
        self.check = CheckResult(True, ("all tests passed",))
        self.words = ConsoleConsent("Fully granted", (), red_banner=False, collecting=False)
        self.granted = False
        self.refuses: set[Operation] = set()
        self.keys: list[str] = []
        self.organization: list[bool] = []
        self._answers: dict[str, OperationResult] = {}
        self._directory, self._accounts = directory, accounts
        self._numbers = itertools.count(2)

    def sign_in(self) -> ConsoleSession:
        """Sign in with administrator privileges."""
        return self.act("sign_in", lambda: self.session)

    def extension_enabled(self, extension: Extension) -> bool:
        """Open Configuration > Connected System Extensions > the extension."""
        return self.act("extension_enabled", lambda: True)

    def connection_row(self, extension: Extension, row: str) -> ConnectionRow:
        """Locate the connection and its default-credentials selector."""
        return self.act("connection_row", lambda: self.rows[extension, row])

    def somebody_saves(self, extension: Extension, row: str) -> None:
        """Save something else, as a person at the console does."""
        self._save(replace(self.rows[extension, row], secret_label=None, saved_key=None))

    def _save(self, row: ConnectionRow) -> ConnectionRow:
        saved = replace(row, revision=f"r{next(self._numbers)}")
        self.rows[row.extension, row.row] = saved
        return saved

    def enter_credential(self, row: ConnectionRow, account: SecretHandle, label: str) -> Draft:
        """Open an edit draft and enter the account and password; nothing is saved yet."""

        def enter() -> Draft:
            number = f"d{next(self._numbers)}"
            expires = datetime.now(UTC) + timedelta(minutes=10)
            name = self._accounts[account]
            draft = Draft(number, row.extension, row.row, name, row.revision, expires)
            self.drafts[number] = draft, label
            return draft

        return self.act("enter_credential", enter)

    def discard(self, draft: Draft) -> None:
        """Throw the draft away; one that is already gone is success."""
        self.act("discard", lambda: self.drafts.pop(draft.id, None))

    def save(self, draft: Draft, idempotency_key: str) -> ConnectionRow:
        """Save the draft against its base revision; raise Conflict when somebody saved in between."""

        def save() -> ConnectionRow:
            self.keys.append(idempotency_key)
            row = self.rows[draft.extension, draft.row]
            if row.saved_key == idempotency_key:
                return row
            if row.revision != draft.base_revision:
                raise Conflict("cayosoft", "save", row=row.row)
            _, label = self.drafts.pop(draft.id)
            return self._save(
                replace(row, account=draft.account, secret_label=label, saved_key=idempotency_key)
            )

        return self.act("save", save)

    def check_settings(self, extension: Extension, row: str) -> CheckResult:
        """Run Check Settings with the saved credential."""
        return self.act("check_settings", lambda: self.check)

    def validate(self, draft: Draft) -> CheckResult:
        """Run Validate with the entered, unsaved credential (Microsoft 365 only)."""
        return self.act("validate", lambda: self.check)

    def find_or_register_app(self, row: ConnectionRow, idempotency_key: str) -> AppRegistration:
        """Find the registered app, or register it, signing in with the connection account."""

        def find() -> AppRegistration:
            self.keys.append(idempotency_key)
            return AppRegistration(
                "app-1", "The App", self.calls.count("find_or_register_app") == 1
            )

        return self.act("find_or_register_app", find)

    def permission_request(self, row: ConnectionRow) -> PermissionRequest:
        """Open the permission prompt."""
        number = f"p{next(self._numbers)}"
        return self.act(
            "permission_request", lambda: PermissionRequest(number, ("User.Read",), self.granted)
        )

    def accept_permissions(
        self, request: PermissionRequest, *, on_behalf_of_organization: bool, idempotency_key: str
    ) -> None:
        """Accept the prompt; the product's rule is ``on_behalf_of_organization=False``, always."""

        def accept() -> None:
            self.organization.append(on_behalf_of_organization)
            self.granted = True

        self.act("accept_permissions", accept)

    def consent(self, row: ConnectionRow) -> ConsoleConsent:
        """Read the Entra ID application consent section."""
        return self.act("consent", lambda: self.words)

    def run_operation(
        self,
        extension: Extension,
        row: str,
        operation: Operation,
        arguments: Mapping[str, str],
        idempotency_key: str,
    ) -> OperationResult:
        """Run one operation. A directory's refusal is a result (``ok`` False), not an error."""

        def run() -> OperationResult:
            self.keys.append(idempotency_key)
            if idempotency_key not in self._answers:
                self._answers[idempotency_key] = self._operate(operation, arguments)
            return self._answers[idempotency_key]

        return self.act("run_operation", run)

    def _operate(self, operation: Operation, arguments: Mapping[str, str]) -> OperationResult:
        if operation in self.refuses:
            return OperationResult(operation, False, None, "insufficientAccessRights", "no")
        done = {
            Operation.AD_CREATE_USER: self._directory.add,
            Operation.AD_RESET_PASSWORD: self._directory.reset,
            Operation.AD_MODIFY_USER: self._directory.change,
            Operation.AD_DELETE_USER: self._directory.remove,
        }.get(operation)
        if done is None:
            raise NotFound("fake console", "run operation", operation=operation.value)
        return OperationResult(operation, True, done(arguments), None, "done")
