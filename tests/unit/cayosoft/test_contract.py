"""The contract itself: valid, complete, and the same as what our nouns and readers say."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel

from connectors.cayosoft import wire
from connectors.cayosoft.models import Operation
from connectors.cayosoft.problems import refusal
from connectors.errors import RotationError
from connectors.http import Effect
from connectors.models import Extension
from tests.contracts.cayosoft.contract import FILE, Contract, NotTheContract, document
from tests.unit.cayosoft.conftest import FIXTURES, fixture, problem

READERS: dict[str, type[BaseModel]] = {
    "Token": wire.TokenWire,
    "Session": wire.SessionWire,
    "Extension": wire.ExtensionWire,
    "Row": wire.RowWire,
    "Draft": wire.DraftWire,
    "CheckResult": wire.CheckWire,
    "App": wire.AppWire,
    "PermissionRequest": wire.PermissionRequestWire,
    "Consent": wire.ConsentWire,
    "OperationResult": wire.OperationWire,
}


def operations() -> dict[str, dict]:
    """Return every operation of the contract by its id."""
    return {
        operation["operationId"]: operation
        for methods in document()["paths"].values()
        for method, operation in methods.items()
        if method != "parameters"
    }


def test_is_valid() -> None:
    """The contract is a valid OpenAPI 3.1 document."""
    validate(document())


def test_knows_our_words() -> None:
    """Extensions and operations are the same in the contract and in our nouns."""
    schemas = document()["components"]["schemas"]
    assert {e.value for e in Extension} == set(schemas["ExtensionName"]["enum"])
    assert {o.value for o in Operation} == set(
        schemas["OperationResult"]["properties"]["operation"]["enum"]
    )
    assert {o.value for o in Operation} == set(
        schemas["OperationRequest"]["discriminator"]["mapping"]
    )


@pytest.mark.parametrize("name", READERS)
def test_readers_need_what_is_promised(name: str) -> None:
    """Our readers demand no member that the contract does not promise."""
    schema, reader = document()["components"]["schemas"][name], READERS[name]
    wanted = {field.alias or key for key, field in reader.model_fields.items()}
    assert wanted <= set(schema["required"])


def test_no_answer_has_a_password() -> None:
    """No schema but the draft's request has a member for a password."""
    schemas = document()["components"]["schemas"]
    with_password = {n for n, s in schemas.items() if "password" in s.get("properties", {})}
    assert {"DraftRequest"} == with_password
    assert "DraftRequest" not in json.dumps([op["responses"] for op in operations().values()])


def test_changes_carry_a_key() -> None:
    """Every request whose answer may not be lost carries an idempotency key, and can be told of its reuse."""
    keyed = {
        name
        for name, operation in operations().items()
        if {"$ref": "#/components/parameters/IdempotencyKey"} in operation.get("parameters", [])
    }
    assert {"save", "findOrRegisterApp", "acceptPermissions", "runOperation"} == keyed
    assert all("409" in operations()[name]["responses"] for name in keyed)


def test_every_refusal_is_a_problem() -> None:
    """Apart from the token endpoint, every refusal is a problem and can be 401."""
    for name, operation in operations().items():
        refusals = {s: r for s, r in operation["responses"].items() if not s.startswith("2")}
        if name != "token":
            assert "401" in refusals, name
            assert all(r["$ref"].startswith("#/components/responses/") for r in refusals.values())


def test_fixtures_name_every_problem() -> None:
    """There is an error fixture for every problem type, and no other."""
    types = document()["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert {t.rpartition(":")[2] for t in types} == {
        p.stem.removeprefix("error-") for p in FIXTURES.glob("error-*.json")
    }


def test_the_checkbox_is_explicit() -> None:
    """Accepting without saying how the checkbox stands is not in the contract."""
    path = "https://console.example.test/bridge/v1/permission-requests/p1/accept"
    headers = {"Authorization": "Bearer x", "Idempotency-Key": "k"}
    with pytest.raises(NotTheContract):
        Contract().check_request(httpx.Request("POST", path, json={}, headers=headers))
    body = fixture("acceptPermissions-request")
    Contract().check_request(httpx.Request("POST", path, json=body, headers=headers))


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "session", {}),
        ("GET", "extensions/exchange", {"headers": {"Authorization": "Bearer x"}}),
        ("POST", "drafts/d1/save", {"headers": {"Authorization": "Bearer x", "If-Match": '"r1"'}}),
        ("POST", "nowhere", {"headers": {"Authorization": "Bearer x"}}),
    ],
)
def test_the_judge_objects(method: str, path: str, content: dict) -> None:
    """The judge that the other tests rely on lets nothing else through."""
    request = httpx.Request(method, f"https://console.example.test/bridge/v1/{path}", **content)
    with pytest.raises(NotTheContract):
        Contract().check_request(request)


def test_the_judge_reads_answers() -> None:
    """An answer with a password, a wrong ETag or an unknown status is objected to."""
    request = httpx.Request(
        "GET", "https://console.example.test/bridge/v1/extensions/active_directory/rows/corp"
    )
    row, etag = fixture("row"), {"ETag": '"r7"'}
    Contract().check_response(request, httpx.Response(200, json=row, headers=etag))
    for wrong in (
        httpx.Response(200, json={**row, "password": ""}, headers=etag),
        httpx.Response(200, json=row, headers={"ETag": '"r6"'}),
        httpx.Response(418),
        problem("draft-expired"),
    ):
        with pytest.raises(NotTheContract):
            Contract().check_response(request, wrong)


def test_the_page_says_the_rules() -> None:
    """The page beside the contract names every problem-free promise that the driver relies on."""
    page = FILE.with_name("console-bridge.md").read_text()
    for word in ("24 hours", "savedKey", "412", "onBehalfOfOrganization", "If-Match", "503"):
        assert word in page, word
    assert not re.search(r"https?://(?!console\.example)", page)


def test_errors_carry_advice() -> None:
    """Every refusal of the contract has advice of its own, not the tree's default."""
    for path in FIXTURES.glob("error-*.json"):
        name = path.stem.removeprefix("error-")
        if name != "unavailable":
            error = refusal(problem(name), "save", Effect.CHANGE, {})
            assert RotationError.default_advice != error.what_to_do(), name
