"""A snapshot as a JSON document: ids and scopes only, to be kept as evidence and put back by hand."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.entra.granted import AssignedRole, DelegatedGrant
from connectors.entra.remediation import ConsentSnapshot
from connectors.entra.settings import SYSTEM
from connectors.entra.shapes import Guid
from connectors.errors import InvalidInput

KIND = "account-rotation consent snapshot 1"


class _Grant(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    resource_id: Guid
    principal_id: Guid | None
    scopes: tuple[str, ...]


class _Role(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    resource_id: Guid
    role_id: Guid


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: str = Field(pattern=f"^{KIND}$")
    taken: datetime
    plan: str
    app_id: Guid
    service_principal_id: Guid
    account_id: Guid
    grants: tuple[_Grant, ...]
    roles: tuple[_Role, ...]


def to_json(snapshot: ConsentSnapshot) -> str:
    """Return the document; a grant for the whole organization has no ``principal_id``."""
    document = asdict(snapshot) | {"kind": KIND, "taken": snapshot.taken.isoformat()}
    for grant in document["grants"]:
        grant["principal_id"] = grant["principal_id"] or None
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def from_json(text: str) -> ConsentSnapshot:
    """Read a document back. Raises InvalidInput for anything else, naming each field that is wrong."""
    try:
        document = _Document.model_validate_json(text)
    except ValidationError as error:
        fields = sorted({".".join(map(str, item["loc"])) or "the file" for item in error.errors()})
        problem = InvalidInput(
            SYSTEM,
            "read snapshot",
            fields=" ".join(fields),
            advice="Give the snapshot exactly as the remediation's report holds it.",
        )
    else:
        return ConsentSnapshot(
            document.taken,
            document.plan,
            document.app_id,
            document.service_principal_id,
            document.account_id,
            tuple(_grant(item) for item in document.grants),
            tuple(AssignedRole(it.id, it.resource_id, it.role_id) for it in document.roles),
        )
    raise problem


def _grant(item: _Grant) -> DelegatedGrant:
    scopes = tuple(sorted(item.scopes))
    return DelegatedGrant(item.id, item.resource_id, item.principal_id or "", scopes)
