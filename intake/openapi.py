"""How the endpoints are described at /openapi.json. The app reads bodies itself, before any framework does."""

from __future__ import annotations

from typing import Any

from intake.hints import Envelope, ThinPayload
from intake.problems import MEDIA, TITLES

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "additionalProperties": False,
}


def _answers(good: int, content: dict[str, Any], *refusals: int) -> dict[int | str, Any]:
    """Describe the answers of an endpoint; all may also be asked to come again later."""
    described: dict[int | str, Any] = {good: {"description": "Done", "content": content}}
    for status in refusals:
        described[status] = {
            "description": TITLES[status],
            "content": {MEDIA: {"schema": _PROBLEM}},
        }
    return described


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": sorted(properties), "properties": properties}
    return {"application/json": {"schema": schema}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without references, which would point outside of where it is put."""
    definitions = schema.pop("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name in definitions:
                return resolve(definitions[name])
            return {key: resolve(value) for key, value in part.items()}
        return [resolve(item) for item in part] if isinstance(part, list) else part

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def _header(name: str, pattern: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {
        "name": name, "in": "header", "required": True, "schema": schema, "description": description,
    }  # fmt: skip


_ACCEPTED = _object(status={"type": "string", "const": "accepted"})
_EVENT = {
    "type": "object",
    "description": "An event notification of Vault Enterprise (CloudEvents 1.0, JSON).",
    "required": ["specversion", "data"],
    "properties": {"specversion": {"const": "1.0"}, "data": {"type": "object"}},
}

VAULT: dict[str, Any] = {
    "operation_id": "hint",
    "summary": "Tell that a secret has a new version",
    "description": "Signed as Standard Webhooks 1.0.0 say. The same message again has the same answer.",
    "status_code": 202,
    "responses": _answers(202, _ACCEPTED, 400, 401, 408, 413, 415, 422, 429, 503),
    "openapi_extra": {
        "parameters": [
            _header("webhook-id", "^[!-~]{1,128}$", "The message, the same in each try."),
            _header("webhook-timestamp", "^[0-9]{1,11}$", "Seconds since 1970, of this try."),
            _header("webhook-signature", "^v1,[A-Za-z0-9+/=]{1,128}$", "One or more signatures."),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [
                            _inlined(Envelope.model_json_schema()),
                            _inlined(ThinPayload.model_json_schema()),
                        ]
                    }
                },
                "application/cloudevents+json": {"schema": _EVENT},
            },
        },
    },
}
AUDIT: dict[str, Any] = {
    "operation_id": "audit",
    "summary": "Take the lines of an OpenBao or Vault HTTP audit device",
    "description": "Only the mount, path and version of successful writes are kept.",
    "status_code": 202,
    "responses": _answers(202, _ACCEPTED, 400, 401, 404, 408, 413, 415, 503),
    "openapi_extra": {
        "parameters": [
            _header(
                "authorization", "^Bearer [A-Za-z0-9._~+/-]{16,128}$", "The token of the device."
            )
        ],
        "requestBody": {
            "required": True,
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
}
HEALTHZ: dict[str, Any] = {
    "operation_id": "alive",
    "summary": "Say that the process is up",
    "responses": _answers(200, _object(status={"type": "string"})),
}
READYZ: dict[str, Any] = {
    "operation_id": "ready",
    "summary": "Say whether messages are accepted, and how the systems behind were when last looked at",
    "responses": {
        status: {
            "description": words,
            "content": {
                **_object(ready={"type": "boolean"}, status={"type": "string"}),
                **({MEDIA: {"schema": _PROBLEM}} if status == 503 else {}),
            },
        }
        for status, words in ((200, "Ready"), (503, "Not ready, or too many requests at once"))
    },
}
METRICS: dict[str, Any] = {
    "operation_id": "metrics",
    "summary": "Metrics for Prometheus",
    "responses": _answers(200, {"text/plain": {"schema": {"type": "string"}}}, 503),
}
