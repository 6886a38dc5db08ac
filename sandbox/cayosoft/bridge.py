"""The console over HTTP: docs/console-bridge.openapi.yaml, line by line."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import threading
from collections import defaultdict
from dataclasses import dataclass

from sandbox.cayosoft.answers import (
    consent_answer,
    draft_answer,
    if_match,
    json_object,
    outcome_answer,
    problem,
    row_answer,
    said,
    screen_answer,
    tenant_row,
    text,
)
from sandbox.cayosoft.console import Console
from sandbox.cayosoft.operations import Operations
from sandbox.cayosoft.problems import ConsoleProblem, Wrong
from sandbox.cayosoft.records import Login
from sandbox.cayosoft.sign_in import NEEDED_ROLE, SignIn
from sandbox.standin.http import App, Handler, Request, Response

KEYS_LIVE = 24 * 3600.0
_KEY = re.compile(r"[!-~]{1,128}")
_ROW, _DRAFT = "/extensions/{extension}/rows/{row}", "/drafts/{draft}"


@dataclass(frozen=True)
class Service:
    """What the console says about itself."""

    name: str
    product_version: str


class Bridge:
    """Routes of the bridge. The journal holds identifiers only."""

    def __init__(self, app: App, console: Console, sign_in: SignIn, service: Service) -> None:
        self.console, self.sign_in, self.service = console, sign_in, service
        self._app = app
        self.operations = Operations(console)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        app.not_found = app.method_not_allowed = lambda _: problem("not-found")
        app.route("POST", "/oauth2/token", "token")(sign_in.token)
        self._add("GET", "/session", "session", self._session)
        self._add("GET", "/extensions/{extension}", "extension.read", self._extension)
        self._add("GET", _ROW, "row.read", self._row)
        self._add("POST", f"{_ROW}/drafts", "draft.create", self._enter)
        self._add("DELETE", _DRAFT, "draft.discard", self._discard)
        self._add("POST", f"{_DRAFT}/validate", "validate", self._validate)
        self._add("POST", f"{_DRAFT}/save", "draft.save", self._once(self._save))
        self._add("POST", f"{_ROW}/check-settings", "check", self._check)
        self._add("POST", f"{_ROW}/app", "app.find", self._once(self._find_app))
        self._add("POST", f"{_ROW}/permission-requests", "consent.request", self._prompt)
        prompt = "/permission-requests/{request}/accept"
        self._add("POST", prompt, "consent.accept", self._once(self._accept))
        self._add("GET", f"{_ROW}/consent", "consent.read", self._consent)
        self._add("POST", f"{_ROW}/operations", "operation", self._once(self._operation))

    def _add(self, method: str, path: str, name: str, handler: Handler) -> None:
        @functools.wraps(handler)
        def guarded(request: Request) -> Response:
            if not self.sign_in.accepts(request):
                return problem("not-signed-in")
            if name != "session" and self.sign_in.client.product_role != NEEDED_ROLE:
                return problem("not-permitted", requiredRole=NEEDED_ROLE)
            try:
                return handler(request)
            except ConsoleProblem as trouble:
                return said(trouble)

        self._app.route(method, f"/bridge/v1{path}", name)(guarded)

    def _once(self, handler: Handler) -> Handler:
        """Give the same answer to the same request under the same key; a repeat waits for the first."""
        store, now = self.console.store, self.console.now

        @functools.wraps(handler)
        def keyed(request: Request) -> Response:
            key = request.headers.get("idempotency-key", "")
            if not _KEY.fullmatch(key):
                raise Wrong("Idempotency-Key")
            parts = (request.method, request.path, request.headers.get("if-match", ""), "")
            mark = hashlib.sha256("\n".join(parts).encode() + request.body).hexdigest()
            with self._locks[key]:
                kept = store.answer(key, now() - KEYS_LIVE)
                if kept and kept[0] != mark:
                    return problem("idempotency-key-reused")
                if kept:
                    payload, headers = json.loads(kept[2]), json.loads(kept[3])
                    return Response(kept[1], payload, headers=headers, note={"repeat": True})
                response = handler(request)
                payload, headers = json.dumps(response.payload), json.dumps(response.headers)
                store.keep_answer(key, mark, now(), response.status, payload, headers)
                return response

        return keyed

    def _session(self, _request: Request) -> Response:
        client = self.sign_in.client
        return Response(
            payload={
                "signedInAs": client.client_id,
                "productRole": client.product_role,
                "productVersion": self.service.product_version,
                "service": self.service.name,
            }
        )

    def _extension(self, request: Request) -> Response:
        extension = request.params["extension"]
        self.console.must_exist(extension)
        rows = [row.row for row in self.console.store.rows() if row.extension == extension]
        enabled = self.console.store.enabled(extension)
        return Response(payload={"extension": extension, "enabled": enabled, "rows": rows})

    def _row(self, request: Request) -> Response:
        row = self.console.row(**request.params)
        return row_answer(row, self.console.store.enabled(row.extension))

    def _enter(self, request: Request) -> Response:
        body = json_object(request)
        login = Login(text(body, "account", 256), text(body, "password", 4096))
        label, revision = text(body, "secretLabel", 512), if_match(request)
        draft = self.console.enter(**request.params, revision=revision, login=login, label=label)
        return draft_answer(draft)

    def _discard(self, request: Request) -> Response:
        self.console.store.discard(request.params["draft"])
        return Response(204)

    def _validate(self, request: Request) -> Response:
        return screen_answer(self.console.validate(request.params["draft"]))

    def _save(self, request: Request) -> Response:
        key = request.headers["idempotency-key"]
        row = self.console.save(request.params["draft"], if_match(request), key)
        return row_answer(row, self.console.store.enabled(row.extension))

    def _check(self, request: Request) -> Response:
        return screen_answer(self.console.check_settings(**request.params))

    def _find_app(self, request: Request) -> Response:
        app_id, name, new = self.console.find_or_register_app(tenant_row(request))
        answer = {"appId": app_id, "displayName": name, "registeredNow": new}
        return Response(payload=answer, note=answer)

    def _prompt(self, request: Request) -> Response:
        prompt, permissions, granted = self.console.open_prompt(tenant_row(request))
        answer = {"id": prompt, "permissions": permissions, "alreadyGranted": granted}
        return Response(201, answer, note={"request": prompt, "alreadyGranted": granted})

    def _accept(self, request: Request) -> Response:
        ticked = json_object(request).get("onBehalfOfOrganization")
        if not isinstance(ticked, bool):
            raise Wrong("onBehalfOfOrganization")
        self.console.accept(request.params["request"], ticked)
        return Response(204, note={"onBehalfOfOrganization": ticked})

    def _consent(self, request: Request) -> Response:
        return consent_answer(self.console.consent(tenant_row(request)))

    def _operation(self, request: Request) -> Response:
        body = json_object(request)
        operation, arguments = body.get("operation"), body.get("arguments")
        outcome = self.operations.run(**request.params, operation=operation, arguments=arguments)
        return outcome_answer(outcome)
