"""The bridge driver: console steps as HTTP requests (docs/console-bridge.md)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import httpx

from connectors.cayosoft import wire
from connectors.cayosoft.calls import Call, if_match, on_draft, on_row, once
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
from connectors.cayosoft.problems import SYSTEM, not_the_contract
from connectors.cayosoft.session import BridgeSession
from connectors.cayosoft.settings import BridgeSettings
from connectors.errors import Conflict, InvalidInput, NotFound, OutOfStep
from connectors.http import Effect
from connectors.models import Extension, SecretHandle
from connectors.protocols import SecretSource


class BridgeConsole:
    """Keeps ``connectors.protocols.ConsoleDriver`` over a console bridge of one service.

    Every method may raise, besides what it names: Unreachable (nothing changed, may be retried), Unknown (a
    change whose answer was lost), SignInRefused, NotPermitted, NotFound, InvalidInput. ``transport`` is the
    test seam.
    """

    def __init__(
        self,
        settings: BridgeSettings,
        secrets: SecretSource,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._secrets = secrets
        self._session = BridgeSession(settings, secrets, transport=transport)

    def close(self) -> None:
        """Close the connections and forget the token."""
        self._session.close()

    def sign_in(self) -> ConsoleSession:
        """Sign in and say with which product role (A1, E1)."""
        call = Call("open session", Effect.READ, "GET", "session")
        return self._session.read(wire.SessionWire, call).to_model()

    def extension_enabled(self, extension: Extension) -> bool:
        """Open the extension's page and say whether the extension is enabled (A2, E2)."""
        name = extension.value
        call = Call(
            "open extension", Effect.READ, "GET", f"extensions/{name}", about={"extension": name}
        )
        return self._session.read(wire.ExtensionWire, call).enabled

    def connection_row(self, extension: Extension, row: str) -> ConnectionRow:
        """Read the row with its revision and the marks of the last save (A3, E2)."""
        call = on_row("read connection", Effect.READ, "GET", extension, row)
        return self._row(call, extension, row)

    def enter_credential(self, row: ConnectionRow, account: SecretHandle, label: str) -> Draft:
        """Open an edit draft on this revision of the row and enter the credential (A4, E3).

        The password is read from Vault here and goes into this request's body only. Raises Conflict when the
        row has another revision by now, and OutOfStep when the draft is not what was entered.
        """
        operation = "enter credential"
        credential = self._secrets.credential(account)
        if not (credential.username and credential.password):
            raise InvalidInput(
                SYSTEM,
                operation,
                secret=account,
                advice=f"Write username and password to {account} in Vault; one of them is empty.",
            )
        call = on_row(
            operation,
            Effect.REPEATABLE,  # a second draft is harmless: both expire
            "POST",
            row.extension,
            row.row,
            tail="/drafts",
            headers=if_match(row.revision),
            body={
                "account": credential.username,
                "password": credential.password.reveal(),
                "secretLabel": label,
            },
        )
        draft = self._session.read(wire.DraftWire, call).to_model()
        entered = (row.extension, row.row, credential.username, row.revision)
        if (draft.extension, draft.row, draft.account, draft.base_revision) != entered:
            raise OutOfStep(
                SYSTEM,
                operation,
                draft=draft.id,
                advice="The bridge made a draft of another row, account or revision than it was given. "
                "Nothing was saved; have the bridge corrected before the next update.",
                **call.about,
            )
        return draft

    def discard(self, draft: Draft) -> None:
        """Throw the draft away; one that is already gone is success (A4u, E3u)."""
        call = on_draft("discard draft", Effect.REPEATABLE, "DELETE", draft)
        with contextlib.suppress(NotFound, Conflict):  # a draft that expired is gone as well
            self._session.done(call)

    def save(self, draft: Draft, idempotency_key: str) -> ConnectionRow:
        """Save the draft against its base revision (A5, E4).

        Raises Conflict when somebody saved in between or the draft expired: nothing was saved. After Unknown,
        read the row: ``saved_key`` tells whether this save happened.
        """
        headers = if_match(draft.base_revision) | once("save", idempotency_key)
        call = on_draft("save", Effect.CHANGE, "POST", draft, tail="/save", headers=headers)
        return self._row(call, draft.extension, draft.row)

    def check_settings(self, extension: Extension, row: str) -> CheckResult:
        """Run Check Settings; it signs in with the saved credential (A6)."""
        call = on_row(
            "check settings", Effect.REPEATABLE, "POST", extension, row, tail="/check-settings"
        )
        return self._session.read(wire.CheckWire, call).to_model()

    def validate(self, draft: Draft) -> CheckResult:
        """Run Validate; it signs in with the entered credential (E4). Raises Conflict when the draft expired."""
        call = on_draft("validate", Effect.REPEATABLE, "POST", draft, tail="/validate")
        return self._session.read(wire.CheckWire, call).to_model()

    def find_or_register_app(self, row: ConnectionRow, idempotency_key: str) -> AppRegistration:
        """Find the app or register it, as the connection account (E5). Raises Refused when the tenant says no."""
        operation = "find or register the app"
        headers = once(operation, idempotency_key)
        call = on_row(
            operation, Effect.CHANGE, "POST", row.extension, row.row, tail="/app", headers=headers
        )
        return self._session.read(wire.AppWire, call).to_model()

    def permission_request(self, row: ConnectionRow) -> PermissionRequest:
        """Open the permission prompt (E6). Raises Refused when the tenant says no."""
        call = on_row(
            "open permission request",
            Effect.REPEATABLE,
            "POST",
            row.extension,
            row.row,
            tail="/permission-requests",
        )
        return self._session.read(wire.PermissionRequestWire, call).to_model()

    def accept_permissions(
        self, request: PermissionRequest, *, on_behalf_of_organization: bool, idempotency_key: str
    ) -> None:
        """Accept the prompt for the connection account only (E6).

        Raises InvalidInput, without asking the bridge, when ``on_behalf_of_organization`` is anything but False.
        """
        operation = "accept permissions"
        if on_behalf_of_organization is not False:
            raise InvalidInput(
                SYSTEM,
                operation,
                field="on_behalf_of_organization",
                advice="Leave 'Consent on behalf of your organization' unticked: the product's rule "
                "has no exception, and nothing was sent.",
            )
        call = Call(
            operation,
            Effect.CHANGE,
            "POST",
            f"permission-requests/{request.id}/accept",
            headers=once(operation, idempotency_key),
            body={"onBehalfOfOrganization": False},
            about={"permission_request": request.id},
        )
        self._session.done(call)

    def consent(self, row: ConnectionRow) -> ConsoleConsent:
        """Read the consent section in the console's own words (E6, E7)."""
        call = on_row("read consent", Effect.READ, "GET", row.extension, row.row, tail="/consent")
        return self._session.read(wire.ConsentWire, call).to_model()

    def run_operation(
        self,
        extension: Extension,
        row: str,
        operation: Operation,
        arguments: Mapping[str, str],
        idempotency_key: str,
    ) -> OperationResult:
        """Run one operation with the credential that the console holds (V1-V7).

        A directory's refusal is a result with ``ok`` False. ``Operation`` lists the arguments.
        """
        step = f"run {operation.value}"
        call = on_row(
            step,
            Effect.CHANGE,
            "POST",
            extension,
            row,
            tail="/operations",
            headers=once(step, idempotency_key),
            body={"operation": operation.value, "arguments": dict(arguments)},
        )
        return self._session.read(wire.OperationWire, call).to_model()

    def _row(self, call: Call, extension: Extension, row: str) -> ConnectionRow:
        """Read a row and make sure that it is the one that was meant."""
        answer = self._session.read(wire.RowWire, call).to_model()
        if (answer.extension, answer.row) != (extension, row):
            raise not_the_contract(call.operation, call.effect, call.about)
        return answer
