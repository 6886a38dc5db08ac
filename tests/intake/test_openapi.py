"""The description at /openapi.json is true: whatever is generated from it is answered as it says."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from intake.app import Rules
from tests.intake.sending import AUDIT, VAULT, App, signed

CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
    schemathesis.checks.unsupported_method,
]


QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Return one app for all generated requests."""
    app = App(tmp_path_factory.mktemp("intake"), Rules(rate=100_000, burst=1_000_000))
    yield app
    app.close()


OPERATIONS = [f"POST {VAULT}", f"POST {AUDIT}", "GET /healthz", "GET /readyz", "GET /metrics"]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


def _generated(served: App, operation: str, mode: GenerationMode) -> Any:
    """Return what makes requests for an operation: as described, or as described and then spoilt."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", served.app)
    method, path = operation.split()
    return schema[path][method].as_strategy(generation_mode=mode)


def test_every_operation_is_tried(served: App) -> None:
    """The operations below are all that are described."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", served.app)
    found = [result.ok() for result in schema.get_all_operations()]
    assert {f"{item.method.upper()} {item.path}" for item in found} == {*OPERATIONS}


@pytest.mark.parametrize(
    ("operation", "mode"),
    [  # in a GET there is nothing to spoil
        pytest.param(operation, mode, id=f"{operation} {mode.value}")
        for operation in OPERATIONS
        for mode in (MODES if operation.startswith("POST") else MODES[:1])
    ],
)
def test_answers_as_described(served: App, operation: str, mode: GenerationMode) -> None:
    """No request leads to a 5xx, an undescribed status, type or body."""

    @given(_generated(served, operation, mode))
    @QUICK
    def run(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    run()


@pytest.mark.parametrize("operation", OPERATIONS[:2])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_behind_the_signature(served: App, operation: str, mode: GenerationMode) -> None:
    """The same holds for messages that are signed: their bodies are read to the end."""
    codes = set()

    @given(_generated(served, operation, mode))
    @QUICK
    def run(case: Any) -> None:
        if operation == OPERATIONS[0]:
            case.body = _bytes(case)
            case.headers.update(signed(served.key, case.body, secrets.token_urlsafe(12)))
        else:
            case.headers["authorization"] = f"Bearer {served.token}"
        codes.add(case.call_and_validate(checks=CHECKS).status_code)

    run()
    wanted = 202 if mode is GenerationMode.POSITIVE or operation == OPERATIONS[1] else 422
    assert wanted in codes


def _bytes(case: Any) -> bytes:
    return json.dumps(case.body if case.body is not None else None, default=str).encode()


def test_is_openapi(served: App) -> None:
    """The description itself keeps to the OpenAPI specification."""
    openapi_spec_validator.validate(served.get("/openapi.json").json())
