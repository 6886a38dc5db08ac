"""The few things that the intake asks of Prefect's API, over plain HTTP.

Prefect's own client would take a second to import, retry by itself for minutes and read settings of its
own. Here every try is one request, and what comes of it is one of our errors.
"""

from __future__ import annotations

import base64
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from connectors.errors import NotFound, NotPermitted, Refused, Unreachable
from connectors.http import Effect, build_client, exchange
from connectors.secret import Secret
from connectors.tls import tls_context
from intake.settings import IntakeSettings

_log = logging.getLogger(__name__)
_NAMESPACE = uuid.UUID("6b1bd9a4-6a7c-4d0b-9a55-5a1a5f0d7a10")
EVENT = "vault.secret.rotated"
HEARTBEAT = "cayosoft.intake.heartbeat"


class PrefectApi:
    """Create flow runs of one deployment, once per idempotency key.

    Raises Unreachable when Prefect is away, NotPermitted, NotFound when the deployment is missing, and
    Refused when it takes no such run. ``auth`` is ``user:password`` of a server that asks for it.
    """

    def __init__(
        self,
        settings: IntakeSettings,
        auth: Secret | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        context = tls_context(settings.prefect_ca_file, "prefect")
        self._client = build_client(settings.prefect_api_url, context, transport=transport)
        if auth:
            told = base64.b64encode(auth.reveal_bytes()).decode()
            self._client.headers["Authorization"] = f"Basic {told}"
        self._flow, _, self._deployment = settings.deployment.partition("/")
        self._id: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def check(self) -> None:
        """Make sure that Prefect answers and knows the deployment."""
        self._id = self._find()

    def start(self, parameters: Mapping[str, Any], idempotency_key: str) -> str:
        """Create a flow run and return its id, seen to exist; with the same key it is the same run."""
        deployment = self._id = self._id or self._find()
        answer = self._ask(
            "create flow run",
            "POST",
            f"deployments/{deployment}/create_flow_run",
            {
                "parameters": dict(parameters),
                "idempotency_key": idempotency_key,
                "state": {"type": "SCHEDULED"},
                "tags": ["vault-event"],
            },
            key=idempotency_key,
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            self._id = None  # deployed anew meanwhile, or gone
            raise self._missing()
        run = self._text(answer, "id", "create flow run")
        # The answer alone is not enough: what counts is what Prefect has stored.
        seen = self._ask("read flow run", "GET", f"flow_runs/{quote(run, safe='')}", flow_run=run)
        if (
            seen.status_code == httpx.codes.NOT_FOUND
            or self._text(seen, "id", "read flow run") != run
        ):
            raise Unreachable("prefect", "find the flow run just created", flow_run=run)
        return run

    def tell(self, label: str, payload: Mapping[str, Any]) -> None:
        """Emit the event for the UI and a site's own automations; the same label is the same event.

        Best effort: nothing depends on it, so nothing is raised.
        """
        resource = {"prefect.resource.id": f"vault.secret.{payload['mount']}/{payload['path']}"}
        self._emit(uuid.uuid5(_NAMESPACE, label), EVENT, resource, payload)

    def beat(self, host: str) -> None:
        """Emit that the intake on this host is alive; an automation tells when it falls silent."""
        resource = {
            "prefect.resource.id": f"cayosoft.intake.{host}",
            "prefect.resource.name": host,
        }
        self._emit(uuid.uuid4(), HEARTBEAT, resource, {})

    def _emit(
        self, number: uuid.UUID, name: str, resource: Mapping[str, str], payload: Mapping[str, Any]
    ) -> None:
        event = {
            "id": str(number),
            "event": name,
            "occurred": datetime.now(UTC).isoformat(),
            "resource": dict(resource),
            "related": [],
            "payload": dict(payload),
        }
        try:
            self._ask("emit event", "POST", "events", [event])
        except (Unreachable, Refused) as error:
            _log.info("prefect: event not emitted: %s", type(error).__name__)

    def _find(self) -> str:
        name = f"{quote(self._flow, safe='')}/{quote(self._deployment, safe='')}"
        answer = self._ask("find deployment", "GET", f"deployments/name/{name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise self._missing()
        return quote(self._text(answer, "id", "find deployment"), safe="")

    def _missing(self) -> NotFound:
        name = f"{self._flow}/{self._deployment}"
        return NotFound(
            "prefect",
            "find deployment",
            deployment=name,
            advice=f"Prefect has no deployment {name}. Deploy it: prefect deploy --all. What was accepted "
            "waits in the spool until then.",
        )

    def _ask(
        self, operation: str, method: str, path: str, body: object = None, **identifiers: str
    ) -> httpx.Response:
        request = self._client.build_request(method, path, json=body)
        _log.debug("prefect: %s", operation)
        # Repeatable, all of them: the idempotency key and the event's id see to it.
        answer = exchange(
            self._client,
            request,
            system="prefect",
            operation=operation,
            effect=Effect.REPEATABLE,
            **identifiers,
        )
        status = answer.status_code
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise NotPermitted(
                "prefect",
                operation,
                status=status,
                advice="Write user:password of Prefect's API into the file that INTAKE_PREFECT_AUTH_FILE "
                "names, and start the intake again.",
                **identifiers,
            )
        if not answer.is_success and status != httpx.codes.NOT_FOUND:
            raise Refused(
                "prefect",
                operation,
                status=status,
                advice="The deployment takes no such run. Deploy the one of this version: "
                "prefect deploy --all",
                **identifiers,
            )
        return answer

    def _text(self, answer: httpx.Response, name: str, operation: str) -> str:
        try:
            found = answer.json()
        except ValueError:
            found = None
        value = found.get(name) if isinstance(found, dict) else None
        if isinstance(value, str) and value:
            return value
        # Something in between answered, such as a proxy's page: the next try may reach Prefect.
        raise Unreachable("prefect", operation, cause="an answer that is not Prefect's")
