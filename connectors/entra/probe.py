"""One sign-in with one password, sent once, and what its answer proves.

Only a token proves a password. Every other answer may cost part of the lockout budget, so a probe is never
repeated in here, and never answered from MSAL's memory: each one has an MSAL app of its own.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msal

from connectors.entra.budget import ProbeBudget
from connectors.entra.codes import classify
from connectors.entra.errors import HANDLED, GarbledAnswer, translate
from connectors.entra.models import PasswordProbe, ProbeVerdict
from connectors.entra.polling import Timing
from connectors.entra.settings import SYSTEM, TenantSettings
from connectors.entra.wire import ProbeHttp, json_object
from connectors.errors import InvalidInput, NotPermitted, RotationError, Unreachable
from connectors.http import Effect, exchange
from connectors.models import Credential, SecretHandle
from connectors.protocols import SecretSource

_log = logging.getLogger(__name__)
_OPERATION = "probe password"


class PasswordProber:
    """Try passwords within a budget. ``open_client`` gives a client of its own to every attempt."""

    def __init__(
        self,
        settings: TenantSettings,
        secrets: SecretSource,
        open_client: Callable[[], httpx.Client],
        timing: Timing,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._open_client = open_client
        self._timing = timing
        self._budget = ProbeBudget(settings.probes_allowed, timing.monotonic)

    def probe(self, account: SecretHandle) -> PasswordProbe:
        """Sign in once with the password that ``account`` names and classify the answer.

        Raises BudgetSpent before anything is sent, Unreachable when no answer came, NotPermitted for a
        federated account, InvalidInput for a wrong address or a password that cannot be sent. An
        answered attempt never raises.
        """
        credential = self._secrets.credential(account)
        self._check(credential)
        self._budget.take(credential.username)
        attempt = _Attempt(self._settings, credential)
        try:
            with self._open_client() as client:
                result = attempt.run(client)
        except RotationError as error:
            problem = error.sealed()
            # Nothing was tried unless the request with the password may have left.
            if not attempt.may_have_arrived:
                self._budget.give_back(credential.username)
        else:
            self._budget.settle(credential.username, result.verdict)
            _log.debug("entra: %s: %s", _OPERATION, result.verdict)
            return PasswordProbe(
                credential.username,
                result.verdict,
                result.codes,
                result.correlation_id,
                self._timing.now(),
                result.retry_after,
            )
        raise problem

    def _check(self, credential: Credential) -> None:
        text = credential.password.reveal()
        if not text or text != text.strip():
            raise InvalidInput(
                SYSTEM,
                _OPERATION,
                credential=credential.handle,
                advice="Store a password that is not empty and has no blank at its start or end: "
                "Entra's password sign-in does not carry those.",
            )


class _Attempt:
    """One attempt: the user realm, a fresh MSAL app, one POST."""

    def __init__(self, settings: TenantSettings, credential: Credential) -> None:
        self._settings = settings
        self._credential = credential
        self._http: ProbeHttp | None = None
        self._never_left = False
        self.codes: tuple[int, ...] = ()
        self.verdict = ProbeVerdict.UNKNOWN
        self.retry_after: float | None = None

    @property
    def may_have_arrived(self) -> bool:
        """Say whether the request with the password may have reached the sign-in service."""
        return self._http is not None and self._http.sent and not self._never_left

    @property
    def correlation_id(self) -> str | None:
        """The id by which Microsoft's sign-in log knows this attempt."""
        return self._http.correlation_id if self._http else None

    def run(self, client: httpx.Client) -> _Attempt:
        """Carry the attempt out; raise only when there was no answer to it."""
        realm = self._realm(client)
        federated = realm.get("account_type") == "Federated"
        if federated and not self._settings.federated_allowed:
            raise NotPermitted(
                SYSTEM,
                _OPERATION,
                account=self._credential.username,
                advice="This account signs in through a federation server, which would be shown the "
                "password. Use a cloud-only account, or set federated_allowed for this tenant.",
            )
        self._http = ProbeHttp(
            client,
            _OPERATION,
            host=urlsplit(self._settings.authority).netloc,
            realm=realm,
            federated=federated,
        )
        problem: Exception | None = None
        answer: dict[str, Any] = {}
        try:
            answer = self._ask(self._http)
        except HANDLED as error:
            problem = error
        self._judge(self._http, answer, problem)
        return self

    def _realm(self, client: httpx.Client) -> dict[str, object]:
        name = quote(self._credential.username, safe="@")
        url = f"{self._settings.authority}/common/userrealm/{name}?api-version=1.0"
        _log.debug("entra: %s: read user realm", _OPERATION)
        response = exchange(
            client,
            client.build_request("GET", url),
            system=SYSTEM,
            operation="read user realm",
            effect=Effect.READ,
        )
        if response.status_code == httpx.codes.NOT_FOUND:
            return {}
        realm = json_object(response)
        if response.status_code != httpx.codes.OK or realm is None:
            raise translate(GarbledAnswer(), "read user realm", status=response.status_code)
        return realm

    def _ask(self, http: ProbeHttp) -> dict[str, Any]:
        with warnings.catch_warnings():
            # MSAL warns that password sign-in goes away; the choice is made in the inventory.
            warnings.simplefilter("ignore", DeprecationWarning)
            app = msal.PublicClientApplication(
                self._settings.probe_client_id,
                authority=self._settings.authority_url,
                http_client=http,
                instance_discovery=None if self._settings.known_host else False,
                # Without it no refresh token is issued, which nobody would ever revoke.
                exclude_scopes=["offline_access"],
            )
            answer: dict[str, Any] = app.acquire_token_by_username_password(
                self._credential.username,
                self._credential.password.reveal(),
                scopes=[f"{self._settings.graph_resource}/User.Read"],
            )
        return answer

    def _judge(self, http: ProbeHttp, answer: dict[str, Any], problem: Exception | None) -> None:
        if http.token_issued:
            # Whatever MSAL makes of the token, such as a wrong clock: it was issued.
            self.verdict = ProbeVerdict.VALID
        elif isinstance(problem, Unreachable) and "status" in problem.identifiers and http.sent:
            self.verdict, self.retry_after = ProbeVerdict.TRANSIENT, problem.retry_after
        elif problem is None:
            found = answer.get("error_codes") or ()
            self.codes = tuple(code for code in found if isinstance(code, int))
            self.verdict = classify(self.codes)
        elif isinstance(problem, RotationError) or not http.sent:
            # ``exchange`` names a cause unless the connection was never made.
            self._never_left = isinstance(problem, Unreachable) and not problem.identifiers
            raise translate(problem, _OPERATION, account=self._credential.username)
