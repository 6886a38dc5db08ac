"""What every Graph route has in common: the caller, its permissions, errors, filters and pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sandbox.entra.catalogue import AUDIENCES, GRAPH
from sandbox.entra.errors import GraphRefused, bad_request, denied, graph_error, not_found
from sandbox.entra.records import Record
from sandbox.entra.tenant import Tenant, same
from sandbox.entra.tokens import Issuer
from sandbox.standin.http import App, Request, Response

_CLAUSE = re.compile(
    r"\s*(?:(?P<field>\w+)\s+eq\s+(?P<value>'(?:[^']|'')*'|true|false|null|[\w-]+)"
    r"|startswith\((?P<prefixed>\w+)\s*,\s*(?P<prefix>'(?:[^']|'')*')\))\s*(?:and\b|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Caller:
    """Who calls: an application on its own, or an application for a signed-in user."""

    client_id: str
    principal_id: str
    upn: str | None
    permissions: frozenset[str]

    @property
    def delegated(self) -> bool:
        """Say whether a user is behind the call."""
        return self.upn is not None

    def has(self, *permissions: str) -> bool:
        """Say whether the token carries one of these permissions."""
        return not self.permissions.isdisjoint(permissions)


Handler = Callable[[Request, Caller], Response]


class Graph:
    """Registers Graph routes and answers for what they share."""

    def __init__(self, app: App, tenant: Tenant, issuer: Issuer) -> None:
        self._app, self.tenant, self._issuer = app, tenant, issuer

    def route(
        self,
        methods: str,
        template: str,
        name: str,
        *,
        delegated: Sequence[str] = (),
        application: Sequence[str] = (),
        roles: Sequence[str] = (),
    ) -> Callable[[Handler], Handler]:
        """Register a route with the permissions that open it; empty means that this kind never may.

        ``roles``: with a user behind the call, that user needs one of these roles too (or none named).
        """

        def register(handler: Handler) -> Handler:
            def gated(request: Request) -> Response:
                with self.tenant.lock:
                    return self._answer(request, handler, delegated, application, roles)

            self._app.route(methods, f"/v1.0{template}", name)(gated)
            return handler

        return register

    def _answer(
        self,
        request: Request,
        handler: Handler,
        delegated: Sequence[str],
        application: Sequence[str],
        roles: Sequence[str],
    ) -> Response:
        note: dict[str, Any] = {}
        try:
            caller = self._caller(request)
            note = {"client": caller.client_id} | ({"upn": caller.upn} if caller.upn else {})
            if not caller.has(*(delegated if caller.delegated else application)):
                raise denied()
            if caller.delegated and roles:
                self.need_role(caller, *roles)
            response = handler(request, caller)
        except GraphRefused as refusal:
            response = graph_error(request, refusal, self.tenant.control.now(), **note)
            if refusal.status == 401:
                response.headers["WWW-Authenticate"] = (
                    f'Bearer realm="", authorization_uri="{self.tenant.url}/common/oauth2/authorize"'
                )
        response.note = {**note, **response.note}
        return response

    def _caller(self, request: Request) -> Caller:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if not same(kind, "Bearer") or not token:
            raise GraphRefused(401, "InvalidAuthenticationToken", "Access token is empty.")
        if request.fault and request.fault.kind == "expired_token":
            raise GraphRefused(
                401,
                "InvalidAuthenticationToken",
                "Lifetime validation failed, the token is expired.",
            )
        claims = self._issuer.read(token, (*AUDIENCES[GRAPH], self.tenant.url))
        permissions = [*claims.get("roles", ()), *claims.get("scp", "").split()]
        return Caller(claims["appid"], claims["oid"], claims.get("upn"), frozenset(permissions))

    def need_role(self, caller: Caller, *roles: str) -> None:
        """Refuse a caller who holds none of these directory roles; Global Administrators always may."""
        held = self.tenant.roles(caller.principal_id)
        if held.isdisjoint({"Global Administrator", *roles}):
            raise denied()

    def page(
        self, request: Request, records: Iterable[Record], fields: Sequence[str] | None = None
    ) -> Response:
        """Answer with one page of a list, filtered and cut to the selected fields."""
        wanted = filtered(request, records)
        skipped = request.query.get("$skiptoken", "page0").removeprefix("page")
        top = request.query.get("$top", str(self.tenant.page_size))
        if not skipped.isdigit() or not top.isdigit() or not 0 < int(top) < 1000:
            raise bad_request("Invalid value for $top or $skiptoken.")
        start, size = int(skipped), min(int(top), self.tenant.page_size)
        chosen = wanted[start : start + size]
        answer: dict[str, Any] = {"@odata.context": f"{self.tenant.url}/v1.0/$metadata"}
        if len(wanted) > start + size:
            query = {**request.query, "$skiptoken": f"page{start + size}"}
            answer["@odata.nextLink"] = f"{self.tenant.url}{request.path}?{urlencode(query)}"
        answer["value"] = [shown(request, record, fields) for record in chosen]
        return Response(200, answer)

    def one(
        self,
        request: Request,
        record: Record,
        fields: Sequence[str] | None = None,
        status: int = 200,
    ) -> Response:
        """Answer with one object, cut to the selected fields."""
        context = {"@odata.context": f"{self.tenant.url}/v1.0/$metadata#entity"}
        return Response(status, context | shown(request, record, fields))

    def staler(self, request: Request) -> bool:
        """Say whether the request asks for the separate index, which lags further behind."""
        return same(request.headers.get("consistencylevel", ""), "eventual")

    def writable(self, records: Any, key: str, what: str | None = None) -> Record:
        """Return the newest version of an object to be changed; 404 where there is none."""
        try:
            record: Record = records.get(key)
        except KeyError:
            raise not_found(what or key) from None
        if self.tenant.replication.writes and records.seen(key) is None:
            raise not_found(what or key)
        return record


def shown(request: Request, record: Record, fields: Sequence[str] | None) -> Record:
    """Return what Graph shows of a record: the selected fields, else the default ones."""
    public = {name: value for name, value in record.items() if not name.startswith("_")}
    selected = request.query.get("$select")
    if selected:
        # An expanded relationship is shown whether it is selected or not.
        expanded = request.query.get("$expand", "").split("(")[0]
        names = [name.strip() for name in f"{selected},{expanded}".split(",") if name.strip()]
        known = {name.casefold(): name for name in public}
        return {name: public.get(known.get(name.casefold(), name)) for name in names} | {
            name: value for name, value in public.items() if name.startswith("@")
        }
    if fields is None:
        return public
    return {name: public.get(name) for name in fields}


def filtered(request: Request, records: Iterable[Record]) -> list[Record]:
    """Return the records that $filter lets through; ``eq`` and ``startswith`` joined by ``and``."""
    text = request.query.get("$filter", "")
    conditions = []
    position = 0
    while position < len(text):
        clause = _CLAUSE.match(text, position)
        if clause is None:
            raise bad_request("Invalid filter clause: unsupported expression.")
        position = clause.end()
        conditions.append(_condition(clause))
    return [record for record in records if all(holds(record) for holds in conditions)]


def _condition(clause: re.Match[str]) -> Callable[[Record], bool]:
    if clause["prefixed"]:
        field, prefix = clause["prefixed"], clause["prefix"][1:-1].replace("''", "'").casefold()
        return lambda record: str(record.get(field) or "").casefold().startswith(prefix)
    field, text = clause["field"], clause["value"]
    words: dict[str, Any] = {"true": True, "false": False, "null": None}
    if text.startswith("'"):
        wanted: Any = text[1:-1].replace("''", "'")
    else:
        wanted = words.get(text.casefold(), text)
    if isinstance(wanted, str):
        return lambda record: same(str(record.get(field) or ""), wanted)
    return lambda record: record.get(field) is wanted


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request, or refuse it."""
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise bad_request("Unable to read JSON request payload.")
    return body
