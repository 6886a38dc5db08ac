"""A console in the world of the saga: its rows hold the very password, and it works with what it holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from connectors.active_directory.models import Right
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
from connectors.errors import Conflict, NotFound, Refused
from connectors.models import Extension, SecretHandle
from tests.laws.saga.domain import Domain
from tests.laws.saga.domain import Operator as DomainOperator
from tests.laws.saga.faults import Effect, Line
from tests.laws.saga.tenant import APP, WITHHELD, Tenant
from tests.laws.saga.tenant import Operator as TenantOperator
from tests.laws.saga.timing import WorldTime
from tests.laws.saga.vault import SagaVault
from tests.laws.saga.watch import Watch

EXPIRES = timedelta(minutes=10)


@dataclass
class Editing:
    """A draft, and what was typed into it."""

    draft: Draft
    password: str
    label: str


@dataclass
class ConsoleTruth:
    """The truth: one row, what it holds, and what the operations answered."""

    time: WorldTime
    watch: Watch
    row: ConnectionRow
    password: str
    domain: Domain | None = None
    tenant: Tenant | None = None
    drafts: dict[str, Editing] = field(default_factory=dict)
    answers: dict[str, OperationResult] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(2))
    organization_wide: bool = False

    def signs_in(self) -> bool:
        """Say whether the credential that the row holds is the account's newest."""
        if self.domain:
            return self.domain.signs_in(self.row.account, self.password)
        assert self.tenant
        return self.tenant.signs_in(self.row.account, self.password)

    def works(self) -> str | None:
        """Sign in with what the row holds, as the product does; return the reason of a refusal."""
        return self._operator().signs_in(self.row.account, self.password)

    def _operator(self) -> DomainOperator | TenantOperator:
        if self.domain:
            return DomainOperator(self.domain)
        assert self.tenant
        return TenantOperator(self.tenant)

    def operate(self, operation: Operation, arguments: Mapping[str, str]) -> OperationResult:
        """Run one operation with the credential that the row holds."""
        reason = self.works()
        if reason is None:
            reason = (
                self._in_domain(self.domain, operation, arguments)
                if self.domain
                else self._in_tenant(operation, arguments)
            )
        return OperationResult(operation, reason is None, None, reason, reason or "done")

    def _in_domain(
        self, there: Domain, operation: Operation, arguments: Mapping[str, str]
    ) -> str | None:
        operator, dn = DomainOperator(there), arguments.get("dn", "")
        right = {
            Operation.AD_CREATE_USER: Right.CREATE_USER,
            Operation.AD_RESET_PASSWORD: Right.RESET_PASSWORD,
            Operation.AD_MODIFY_USER: Right.WRITE_ATTRIBUTES,
            Operation.AD_DELETE_USER: Right.DELETE_USER,
        }[operation]
        if operator.lacks(self.row.account, right):
            return "insufficientAccessRights"
        if operation is Operation.AD_CREATE_USER:
            operator.create(arguments)
        elif not operator.there(dn):
            return "noSuchObject"
        elif operation is Operation.AD_RESET_PASSWORD:
            self.time.sleep(0.001)
            operator.change(dn, password_last_set=self.time.utc())
        elif operation is Operation.AD_MODIFY_USER:
            operator.change(dn, description=arguments["description"])
        else:
            operator.delete(dn)
        return None

    def _in_tenant(self, operation: Operation, arguments: Mapping[str, str]) -> str | None:
        assert self.tenant
        operator, user = TenantOperator(self.tenant), arguments.get("id", "")
        if not operator.may(self.row.account):
            return "Authorization_RequestDenied"
        if operation is Operation.ENTRA_CREATE_USER:
            operator.create(arguments)
        elif not operator.there(user):
            return "Request_ResourceNotFound"
        elif operation is Operation.ENTRA_MODIFY_USER:
            operator.change(user, arguments["department"])
        else:
            operator.delete(user)
        return None


class SagaConsole:
    """The console as one process sees it; keeps ConsoleDriver."""

    def __init__(self, line: Line, vault: SagaVault, truth: ConsoleTruth) -> None:
        self._line = line
        self._vault = vault
        self._truth = truth

    def sign_in(self) -> ConsoleSession:
        """Sign in with administrator privileges."""
        session = ConsoleSession("ops", "Global Administrators", "13.3", "hq")
        return self._line.call("console", "sign_in", lambda: session)

    def extension_enabled(self, extension: Extension) -> bool:
        """Open Configuration > Connected System Extensions > the extension."""
        return self._line.call("console", "extension_enabled", lambda: True)

    def connection_row(self, extension: Extension, row: str) -> ConnectionRow:
        """Locate the connection and its default-credentials selector."""
        return self._line.call("console", "connection_row", lambda: self._truth.row)

    def enter_credential(self, row: ConnectionRow, account: SecretHandle, label: str) -> Draft:
        """Open an edit draft and enter the account and password; nothing is saved yet."""

        def enter() -> Draft:
            fields = self._vault.read(account)
            number = f"d{next(self._truth.numbers)}"
            expires = self._truth.time.utc() + EXPIRES
            draft = Draft(number, row.extension, row.row, fields["username"], row.revision, expires)
            self._truth.drafts[number] = Editing(draft, fields["password"], label)
            return draft

        return self._line.call("console", "enter_credential", enter, Effect.OWN)

    def discard(self, draft: Draft) -> None:
        """Throw the draft away; one that is already gone is success."""
        drafts = self._truth.drafts
        self._line.call("console", "discard", lambda: drafts.pop(draft.id, None), Effect.OWN)

    def save(self, draft: Draft, idempotency_key: str) -> ConnectionRow:
        """Save the draft against its base revision; raise Conflict when somebody saved in between."""

        def save() -> ConnectionRow:
            row, now = self._truth.row, self._truth.time.utc()
            if row.saved_key == idempotency_key:
                return row
            if row.revision != draft.base_revision:
                raise Conflict("cayosoft", "save", row=row.row)
            editing = self._truth.drafts.get(draft.id)
            if editing is None:
                raise NotFound("cayosoft", "save", draft=draft.id)
            if editing.draft.expires_at < now:
                raise Conflict("cayosoft", "save", draft=draft.id)
            del self._truth.drafts[draft.id]
            self._truth.row = replace(
                row,
                account=editing.draft.account,
                secret_label=editing.label,
                saved_key=idempotency_key,
                saved_at=now,
                revision=f"r{next(self._truth.numbers)}",
            )
            self._truth.password = editing.password
            self._truth.watch.uses(editing.draft.account)
            return self._truth.row

        return self._line.call("console", "save", save, Effect.CHANGE)

    def check_settings(self, extension: Extension, row: str) -> CheckResult:
        """Run Check Settings with the saved credential."""

        def check() -> CheckResult:
            reason = self._truth.works()
            return CheckResult(reason is None, (reason or "all tests passed",))

        return self._line.call("console", "check_settings", check, Effect.SIGN_IN)

    def validate(self, draft: Draft) -> CheckResult:
        """Run Validate with the entered, unsaved credential (Microsoft 365 only)."""

        def check() -> CheckResult:
            editing = self._truth.drafts.get(draft.id)
            if editing is None:
                raise NotFound("cayosoft", "validate", draft=draft.id)
            assert self._truth.tenant
            operator = TenantOperator(self._truth.tenant)
            reason = operator.signs_in(editing.draft.account, editing.password)
            return CheckResult(reason is None, (reason or "validated",))

        return self._line.call("console", "validate", check, Effect.SIGN_IN)

    def find_or_register_app(self, row: ConnectionRow, idempotency_key: str) -> AppRegistration:
        """Find the registered app, or register it, signing in with the connection account."""

        def find() -> AppRegistration:
            assert self._truth.tenant
            reason = self._truth.works()
            if reason is not None:
                raise Refused("cayosoft", "register the app", error_code=reason)
            new = not self._truth.tenant.registered
            self._truth.tenant.registered = True
            return AppRegistration(APP.app_id, APP.display_name, new)

        return self._line.call("console", "find_or_register_app", find, Effect.CHANGE)

    def permission_request(self, row: ConnectionRow) -> PermissionRequest:
        """Open the permission prompt."""

        def ask() -> PermissionRequest:
            assert self._truth.tenant
            granted = self._truth.row.account in self._truth.tenant.granted
            number = f"p{next(self._truth.numbers)}"
            return PermissionRequest(number, (WITHHELD,), granted)

        return self._line.call("console", "permission_request", ask)

    def accept_permissions(
        self, request: PermissionRequest, *, on_behalf_of_organization: bool, idempotency_key: str
    ) -> None:
        """Accept the prompt; the product's rule is ``on_behalf_of_organization=False``, always."""

        def accept() -> None:
            assert self._truth.tenant
            if on_behalf_of_organization:
                self._truth.watch.breaks("consented on behalf of the organization")
            if not self._truth.tenant.withheld:
                self._truth.tenant.granted.add(self._truth.row.account)

        self._line.call("console", "accept_permissions", accept, Effect.CHANGE)

    def consent(self, row: ConnectionRow) -> ConsoleConsent:
        """Read the Entra ID application consent section."""

        def read() -> ConsoleConsent:
            assert self._truth.tenant
            granted = self._truth.row.account in self._truth.tenant.granted
            words = "Fully granted" if granted else "Partially granted"
            return ConsoleConsent(words, (), red_banner=not granted, collecting=False)

        return self._line.call("console", "consent", read)

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
            answers = self._truth.answers
            if idempotency_key not in answers:
                answers[idempotency_key] = self._truth.operate(operation, arguments)
            return answers[idempotency_key]

        return self._line.call("console", "run_operation", run, Effect.CHANGE)
