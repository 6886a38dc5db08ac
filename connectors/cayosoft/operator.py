"""The console as a person drives it: what was reported of an extension stands for what a bridge would answer.

Nothing here reaches a console. ``tell`` hands over what a person has reported, and each method answers from
it; before that, each raises NeedsPerson. Whether the report is true is for those to find out who look at the
directory and the tenant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

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
from connectors.errors import NeedsPerson
from connectors.models import Extension, SecretHandle

SYSTEM = "cayosoft"
_NO_DRAFT_EXPIRES = timedelta(days=1)


class Box(StrEnum):
    """What a person did with the checkbox "Consent on behalf of your organization"."""

    UNTICKED = "left unticked"
    TICKED = "ticked"
    NOT_SHOWN = "not shown"


class Tried(StrEnum):
    """What became of the test user that a person was asked to create, change and delete in the product."""

    DONE = "created, changed and deleted"
    REFUSED = "refused"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class OperatorReport:
    """What a person has reported of one extension, and of which credential.

    ``by`` says who, and what that name is worth. The last three are of the Microsoft 365 extension.
    """

    by: str
    account: str
    label: str  # SecretVersion.label of the credential that was to be entered
    check: CheckResult  # Check Settings, or Validate
    note: str = ""
    box: Box = Box.NOT_SHOWN
    consent_status: str = ""
    test_user: Tried = Tried.NOT_TRIED


class OperatorConsole:
    """The console of one service that only a person can reach."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._reports: dict[tuple[Extension, str], OperatorReport] = {}
        self._newest: OperatorReport | None = None
        self._rows: dict[tuple[Extension, str], ConnectionRow] = {}

    def tell(self, extension: Extension, row: str, report: OperatorReport) -> None:
        """Take what a person has reported; an earlier report of the same row is forgotten."""
        self._reports[extension, row] = self._newest = report
        self._rows[extension, row] = ConnectionRow(
            extension, row, True, report.account, "", None, None, None
        )

    def told(self, extension: Extension, row: str) -> OperatorReport | None:
        """Return what was reported of a row; None where nothing was."""
        return self._reports.get((extension, row))

    def report(self, extension: Extension, row: str) -> OperatorReport:
        """Return what was reported of a row; raises NeedsPerson where nothing was."""
        found = self.told(extension, row)
        if found is None:
            raise _nobody(self._service, extension)
        return found

    def sign_in(self) -> ConsoleSession:
        """Return the session of the one who reported last: to report, somebody must have had one."""
        if self._newest is None:
            raise _nobody(self._service)
        return ConsoleSession(
            self._newest.by, "Global Administrators", "", self._service, reported=True
        )

    def extension_enabled(self, extension: Extension) -> bool:
        """Return True: its settings were open."""
        if not any(of is extension for of, _ in self._reports):
            raise _nobody(self._service, extension)
        return True

    def connection_row(self, extension: Extension, row: str) -> ConnectionRow:
        """Return the row with the account that was entered, and our label once it was saved."""
        self.report(extension, row)
        return self._rows[extension, row]

    def enter_credential(self, row: ConnectionRow, account: SecretHandle, label: str) -> Draft:
        """Return the draft that the person has had open."""
        report = self.report(row.extension, row.row)
        if report.label != label:
            raise _nobody(self._service, row.extension, label=label, reported=report.label)
        expires = datetime.now(UTC) + _NO_DRAFT_EXPIRES
        return Draft("in person", row.extension, row.row, report.account, row.revision, expires)

    def discard(self, draft: Draft) -> None:
        """Do nothing: what was saved is not in a draft any more."""

    def save(self, draft: Draft, idempotency_key: str) -> ConnectionRow:
        """Return the row as it was saved by the one who reports it."""
        report = self.report(draft.extension, draft.row)
        before = self._rows[draft.extension, draft.row]
        saved = replace(before, secret_label=report.label, saved_key=idempotency_key)
        self._rows[draft.extension, draft.row] = saved
        return saved

    def check_settings(self, extension: Extension, row: str) -> CheckResult:
        """Return what Check Settings was reported to say."""
        return self.report(extension, row).check

    def validate(self, draft: Draft) -> CheckResult:
        """Return what Validate was reported to say."""
        return self.report(draft.extension, draft.row).check

    def find_or_register_app(self, row: ConnectionRow, idempotency_key: str) -> AppRegistration:
        """Return an app without an id: which one it is, and since when, is for the tenant to say."""
        self.report(row.extension, row.row)
        return AppRegistration("", "", registered_now=False)

    def permission_request(self, row: ConnectionRow) -> PermissionRequest:
        """Return the prompt, which was accepted or not shown."""
        report = self.report(row.extension, row.row)
        return PermissionRequest("in person", (), already_granted=report.box is Box.NOT_SHOWN)

    def accept_permissions(
        self, request: PermissionRequest, *, on_behalf_of_organization: bool, idempotency_key: str
    ) -> None:
        """Do nothing: it was accepted by the one who reports it."""

    def consent(self, row: ConnectionRow) -> ConsoleConsent:
        """Return the consent status in the words that were reported."""
        report = self.report(row.extension, row.row)
        return ConsoleConsent(report.consent_status, (), red_banner=False, collecting=False)

    def run_operation(
        self,
        extension: Extension,
        row: str,
        operation: Operation,
        arguments: Mapping[str, str],
        idempotency_key: str,
    ) -> OperationResult:
        """Raise NeedsPerson: no operation of the product can be started from here."""
        raise _nobody(self._service, extension, asked=operation.value)


def _nobody(service: str, extension: Extension | None = None, **facts: object) -> NeedsPerson:
    about = {"extension": extension.value} if extension else {}
    return NeedsPerson(
        SYSTEM,
        "look at the console",
        service=service,
        **about,
        **facts,
        advice="Only a person reaches this console. Start the deployment update_account_credentials/update in "
        "the Prefect UI, or run account-rotation update in a terminal: it guides you and asks what you saw.",
    )
