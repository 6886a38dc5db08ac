"""One examination of a bridge: raw requests as its client, and what has been learned so far."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

import httpx
from pydantic import BaseModel

from connectors.cayosoft import wire
from connectors.cayosoft.models import ConnectionRow
from connectors.cayosoft.problems import SYSTEM
from connectors.cayosoft.settings import BridgeSettings
from connectors.errors import InvalidInput
from connectors.http import Effect, build_client, exchange
from connectors.models import Extension, SecretHandle
from connectors.protocols import SecretSource
from connectors.secret import Secret
from connectors.tls import tls_context

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a bridge answered to one request."""

    request: str  # method and path
    response: httpx.Response = field(repr=False)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return str(self.response.headers.get("content-type", "")).partition(";")[0].strip()

    def header(self, name: str) -> str | None:
        """Return a header."""
        found: str | None = self.response.headers.get(name)
        return found

    def read(self, kind: type[T]) -> T | None:
        """Return the body as ``kind``, or None when it is not one."""
        return wire.read(kind, self.response)

    def members(self) -> dict[str, Any]:
        """Return the body as a JSON object; empty when it is none."""
        try:
            found = json.loads(self.response.content)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Saving:
    """What a person permitted to be saved: this credential, into this row, under this label."""

    extension: Extension
    row: str
    credential: SecretHandle
    label: str
    wait_for_expiry: float = 0.0  # seconds


class Trial:
    """What checks work with. ``row_wanted`` names the row for drafts; None means the first one that is found.

    Raises, from any request, Unreachable or Unknown as ``connectors.http.exchange`` does.
    """

    def __init__(
        self,
        settings: BridgeSettings,
        secrets: SecretSource,
        *,
        row_wanted: tuple[Extension, str] | None = None,
        saving: Saving | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.settings, self.secrets, self.saving = settings, secrets, saving
        self.row_wanted = row_wanted
        timeout = httpx.Timeout(settings.answer_timeout, connect=settings.connect_timeout)
        context = tls_context(settings.ca_file, SYSTEM)
        self._client = build_client(settings.url, context, timeout=timeout, transport=transport)
        parts = urlsplit(settings.url)
        plain = urlunsplit(parts._replace(scheme="http"))
        self._plain = build_client(plain, context, timeout=timeout, transport=transport)
        self.token: Secret | None = None
        self.rows: list[tuple[Extension, str]] = []
        self.row: ConnectionRow | None = None
        self.drafts: list[str] = []
        self.last_save: tuple[str, str, str] | None = None  # draft, revision, key
        self.answers: list[Answer] = []
        self.sent: list[tuple[str, Secret]] = []  # what must never come back

    def close(self) -> None:
        """Close the connections and forget the token."""
        self.token = None
        self._client.close()
        self._plain.close()

    def sign_in(self, stranger: tuple[str, str] | None = None) -> Answer:
        """Ask for a token as the client, or as somebody whom the bridge cannot know."""
        pair = stranger or self._client_pair()
        encoded = ":".join(quote_plus(part) for part in pair)
        basic = base64.b64encode(encoded.encode()).decode()
        request = self._client.build_request(
            "POST",
            self.settings.token_address,
            data={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {basic}"},
        )
        # Not kept: a token belongs into this answer, and into no other.
        return self._exchange(request, "POST oauth2/token", Effect.REPEATABLE, keep=False)

    def _client_pair(self) -> tuple[str, str]:
        document = self.secrets.document(self.settings.client)
        for name in ("client_id", "client_secret"):
            if not document.get(name):
                raise InvalidInput(
                    SYSTEM,
                    "sign in",
                    secret=self.settings.client,
                    field=name,
                    advice=f"Give {name} of the bridge's client in {self.settings.client}.",
                )
        self.sent.append(("the client secret", document["client_secret"]))
        return document["client_id"].reveal(), document["client_secret"].reveal()

    def send(
        self,
        method: str,
        path: str,
        *,
        token: Secret | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        effect: Effect = Effect.READ,
    ) -> Answer:
        """Send one request under /bridge/v1, signed in when a token is given."""
        request = self._client.build_request(
            method, f"/bridge/v1/{path}", headers=headers or {}, json=body
        )
        if token is not None:
            request.headers["Authorization"] = f"Bearer {token.reveal()}"
        return self._exchange(request, f"{method} {path}", effect)

    def ask_plainly(self) -> httpx.Response | None:
        """Ask for the session over plain HTTP, without any credential; None when nobody answers there."""
        try:
            return self._plain.get("/bridge/v1/session", timeout=self.settings.connect_timeout)
        except httpx.HTTPError:
            return None

    def _exchange(
        self, request: httpx.Request, shown: str, effect: Effect, *, keep: bool = True
    ) -> Answer:
        answer = Answer(
            shown,
            exchange(self._client, request, system=SYSTEM, operation=shown, effect=effect),
        )
        if keep:
            self.answers.append(answer)
        return answer


def row_path(extension: Extension, row: str, tail: str = "") -> str:
    """Return the path of a connection row, percent-encoded."""
    return f"extensions/{extension.value}/rows/{quote(row, safe='')}{tail}"
