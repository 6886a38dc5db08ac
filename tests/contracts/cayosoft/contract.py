"""docs/console-bridge.openapi.yaml as a judge: every request and answer that passes is held against it."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from ruamel.yaml import YAML

FILE = Path(__file__).parents[3] / "docs" / "console-bridge.openapi.yaml"
_ROOT = "urn:contract"


class NotTheContract(AssertionError):
    """A request or an answer that the contract does not know."""


@functools.cache
def document() -> dict[str, Any]:
    """Return the contract as plain data."""
    return YAML(typ="safe").load(FILE)


class Contract:
    """Looks up what the contract says about a request and its answer."""

    def __init__(self) -> None:
        self._document = document()
        resource = Resource(contents=self._document, specification=DRAFT202012)
        self._registry = Registry().with_resource(_ROOT, resource)
        self.seen: set[str] = set()  # operation ids that passed by

    def check_request(self, request: httpx.Request) -> None:
        """Hold a request against the contract."""
        operation, shared, params = self._operation(request)
        self.seen.add(operation["operationId"])
        for parameter in map(self._resolved, [*shared, *operation.get("parameters", [])]):
            given = params if parameter["in"] == "path" else request.headers
            if parameter["name"] not in given:
                raise NotTheContract(f"{request.method} {request.url.path}: no {parameter['name']}")
            self._validate(given[parameter["name"]], parameter["schema"], request)
        known = {p["name"].lower() for p in map(self._resolved, operation.get("parameters", []))}
        for header in {"if-match", "idempotency-key"} & set(request.headers) - known:
            raise NotTheContract(f"{request.method} {request.url.path}: {header} is not known here")
        if operation.get("security", True) and not request.headers.get("authorization", ""):
            raise NotTheContract(f"{request.method} {request.url.path}: not signed in")
        self._check_body(request, operation.get("requestBody"))

    def check_response(self, request: httpx.Request, response: httpx.Response) -> None:
        """Hold an answer against the contract; what a proxy would say (5xx, no problem) passes."""
        kind = response.headers.get("content-type", "").partition(";")[0]
        if response.is_server_error and kind != "application/problem+json":
            return
        operation, _, _ = self._operation(request)
        known = operation["responses"].get(str(response.status_code))
        if known is None:
            raise NotTheContract(f"{operation['operationId']}: answer {response.status_code}")
        known = self._resolved(known)
        if "ETag" in known.get("headers", {}):
            wanted = f'"{response.json()["revision"]}"'
            if response.headers.get("ETag") != wanted:
                raise NotTheContract(f"{operation['operationId']}: ETag is not the revision")
        content = known.get("content")
        if content is None:
            if response.content:
                raise NotTheContract(f"{operation['operationId']}: a body where none belongs")
            return
        if kind not in content:
            raise NotTheContract(f"{operation['operationId']}: {kind} in a {response.status_code}")
        self._validate(response.json(), content[kind]["schema"], request)
        if kind == "application/problem+json" and response.json()["status"] != response.status_code:
            raise NotTheContract(f"{operation['operationId']}: two different statuses")

    def _check_body(self, request: httpx.Request, wanted: dict[str, Any] | None) -> None:
        body = request.read()
        if wanted is None:
            if body:
                raise NotTheContract(f"{request.method} {request.url.path}: a body")
            return
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind not in wanted["content"]:
            raise NotTheContract(f"{request.method} {request.url.path}: {kind}")
        value = json.loads(body) if kind == "application/json" else dict(parse_qsl(body.decode()))
        self._validate(value, wanted["content"][kind]["schema"], request)

    def _validate(self, value: Any, schema: dict[str, Any], request: httpx.Request) -> None:
        absolute = json.loads(json.dumps(schema).replace('"#/', f'"{_ROOT}#/'))
        validator = Draft202012Validator(absolute, registry=self._registry)
        for error in validator.iter_errors(value):
            # The value is left out: it may hold a password.
            where = "/".join(map(str, error.absolute_path))
            raise NotTheContract(f"{request.method} {request.url.path}: {where}: {error.validator}")

    def _operation(
        self, request: httpx.Request
    ) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, str]]:
        path = request.url.raw_path.decode().partition("?")[0]
        for template, methods in self._document["paths"].items():
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
            found = re.fullmatch(pattern, path)
            if found and request.method.lower() in methods:
                params = {name: unquote(value) for name, value in found.groupdict().items()}
                return methods[request.method.lower()], methods.get("parameters", []), params
        raise NotTheContract(f"no {request.method} {path}")

    def _resolved(self, item: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in item:
            found: Any = self._document
            for part in item["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            item = found
        return item


class Checked(httpx.BaseTransport):
    """A transport that lets only the contract's requests and answers through."""

    def __init__(self, inner: httpx.BaseTransport, contract: Contract) -> None:
        self._inner, self.contract = inner, contract

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass on and judge both directions."""
        self.contract.check_request(request)
        response = self._inner.handle_request(request)
        response.read()
        self.contract.check_response(request, response)
        return response

    def close(self) -> None:
        """Close what is behind."""
        self._inner.close()
