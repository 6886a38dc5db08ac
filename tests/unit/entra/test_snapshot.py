"""Snapshots as JSON documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.entra.granted import AssignedRole, DelegatedGrant
from connectors.entra.remediation import ConsentSnapshot
from connectors.entra.snapshot import from_json, to_json
from connectors.errors import InvalidInput
from tests.fakes.tenant_model import ACCOUNT, APP_ID, CLIENT, SP, guid

SNAPSHOT = ConsentSnapshot(
    datetime(2026, 11, 1, 12, tzinfo=UTC),
    "0123456789ab",
    APP_ID,
    CLIENT,
    ACCOUNT.id,
    (
        DelegatedGrant("g1", SP["graph"], ACCOUNT.id, ("User.Read",)),
        DelegatedGrant("g2", SP["graph"], "", ("Mail.Read", "User.Read")),
    ),
    (AssignedRole("r1", SP["graph"], guid("role")),),
)


def test_there_and_back() -> None:
    """A document read back is the same snapshot; a grant for everybody has no principal in it."""
    text = to_json(SNAPSHOT)
    assert from_json(text) == SNAPSHOT
    assert [grant["principal_id"] for grant in json.loads(text)["grants"]] == [ACCOUNT.id, None]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "another"},
        {"app_id": "the app"},
        {"grants": [{"id": "g1"}]},
        {"surprise": 1},
        {"taken": "yesterday"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    """A document that was changed by hand is refused, and the field is named."""
    document = json.loads(to_json(SNAPSHOT)) | change
    with pytest.raises(InvalidInput) as refused:
        from_json(json.dumps(document))
    assert next(iter(change)) in str(refused.value)


def test_a_grant_without_a_principal_is_not_guessed() -> None:
    """Whom a grant is for must be said: a missing field is not the whole organization."""
    document = json.loads(to_json(SNAPSHOT))
    del document["grants"][0]["principal_id"]
    with pytest.raises(InvalidInput):
        from_json(json.dumps(document))
