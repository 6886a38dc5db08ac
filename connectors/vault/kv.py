"""What the answers of a KV v2 mount mean. Pure: no I/O, the time comes in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ValidationError

from connectors.errors import InvalidInput
from connectors.models import Credential, Engine, SecretHandle, SecretVersion
from connectors.secret import Secret
from connectors.vault.call import Answer
from connectors.vault.models import SecretMetadata
from connectors.vault.settings import is_plain_path

# Vault writes "" where there is no time.
_OptionalTime = Annotated[AwareDatetime | None, BeforeValidator(lambda value: value or None)]


class _Version(BaseModel):
    created_time: AwareDatetime
    deletion_time: _OptionalTime = None
    destroyed: bool = False

    def readable(self, now: datetime) -> bool:
        """Tell whether it is live: a deletion time in the future is an expiry date, not a deletion."""
        return not self.destroyed and (self.deletion_time is None or self.deletion_time > now)


class _ReadVersion(_Version):
    version: int


class _Metadata(BaseModel):
    current_version: int
    oldest_version: int = 0
    max_versions: int = 0
    cas_required: bool = False
    versions: dict[int, _Version]


class Found(Enum):
    """What a read of one version found."""

    LIVE = auto()
    DELETED = auto()
    DESTROYED = auto()
    NOTHING = auto()
    NO_MOUNT = auto()
    NOT_KV2 = auto()
    BEHIND = auto()  # the node that answered has not caught up
    MALFORMED = auto()


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """One read, understood. ``fields`` hold secrets, so this never shows itself."""

    found: Found
    version: SecretVersion | None = None
    fields: Mapping[str, object] | None = None


def understand(answer: Answer, handle: SecretHandle) -> Reading:
    """Say what a read of a handle found; a 404 may carry a deleted or destroyed version."""
    if answer.status == 412:
        return Reading(Found.BEHIND)
    facts = answer.data.get("metadata")
    if answer.status == 404 and not isinstance(facts, Mapping):
        return Reading(_absent(answer))
    try:
        parsed = _ReadVersion.model_validate(facts)
    except ValidationError:
        return Reading(Found.MALFORMED)
    fields = answer.data.get("data")
    live = isinstance(fields, Mapping)
    version = SecretVersion(handle.at(parsed.version), parsed.created_time, readable=live)
    return Reading(_present(parsed, handle, live=live), version, fields if live else None)


def _absent(answer: Answer) -> Found:
    if answer.says("no handler for route"):
        return Found.NO_MOUNT
    return Found.NOT_KV2 if answer.says("Invalid path for a versioned") else Found.NOTHING


def _present(parsed: _ReadVersion, handle: SecretHandle, *, live: bool) -> Found:
    if handle.version is not None and parsed.version < handle.version:
        return Found.BEHIND
    if handle.version not in (None, parsed.version):
        return Found.MALFORMED
    if live:
        return Found.LIVE
    return Found.DESTROYED if parsed.destroyed else Found.DELETED


def written(answer: Answer, handle: SecretHandle) -> SecretVersion | None:
    """Read the version that a write made; None when the answer does not have that form."""
    try:
        parsed = _ReadVersion.model_validate(answer.data)
    except ValidationError:
        return None
    return SecretVersion(handle.at(parsed.version), parsed.created_time, readable=True)


def metadata(answer: Answer, handle: SecretHandle, now: datetime) -> SecretMetadata | None:
    """Read the metadata of a secret; None when it has no version, or not that form."""
    try:
        parsed = _Metadata.model_validate(answer.data)
    except ValidationError:
        return None
    versions = {
        number: SecretVersion(handle.at(number), facts.created_time, facts.readable(now))
        for number, facts in sorted(parsed.versions.items())
    }
    current = versions.get(parsed.current_version)
    if current is None:
        return None
    return SecretMetadata(
        mount=handle.mount,
        path=handle.path,
        current=current,
        oldest_version=parsed.oldest_version or min(versions),
        versions=tuple(versions.values()),
        max_versions=parsed.max_versions,
        check_and_set_required=parsed.cas_required,
    )


def credential(handle: SecretHandle, fields: Mapping[str, object]) -> Credential:
    """Take username and password out of a secret; raises InvalidInput that names the field."""
    username = _field(handle, fields, "username")
    if username != username.strip():
        raise _wrong(handle, "username", "has white space around it")
    return Credential(handle, username, Secret(_field(handle, fields, "password")))


def document(fields: Mapping[str, object]) -> Mapping[str, Secret]:
    """Close every field; one that is not text becomes its JSON."""
    return {
        name: Secret(value if isinstance(value, str) else json.dumps(value))
        for name, value in fields.items()
    }


def opened(fields: Mapping[str, Secret | object]) -> dict[str, object]:
    """Open fields for the request that writes them; what is no secret goes as it is."""
    return {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in fields.items()
    }


def same(fields: Mapping[str, object], expected: Mapping[str, Secret | object]) -> bool:
    """Compare what is stored with what was to be written, values in constant time."""
    stored, wanted = document(fields), document(opened(expected))
    return stored.keys() == wanted.keys() and all(
        stored[name].matches(value) for name, value in wanted.items()
    )


def check_handle(handle: SecretHandle, operation: str, engine: Engine = Engine.KV) -> None:
    """Refuse a handle of another engine, or one that would name something else on the wire.

    Vault takes version 0 for the latest, and dot segments lead to other endpoints. Raises InvalidInput.
    """
    version: Any = handle.version
    if handle.engine is not engine:
        advice = (
            f"This works with secrets of the {engine.value} engine, and {str(handle)!a} is one of "
            f"{handle.engine.value}; correct the engine of the secret in the inventory."
        )
    elif not (is_plain_path(handle.mount) and is_plain_path(handle.path)):
        advice = "Give mount and path without empty or dot segments, such as kv and apps/hq."
    elif version is not None and (isinstance(version, bool) or version < 1):
        advice = "Versions start at 1; leave the version out for the latest."
    else:
        return
    raise InvalidInput("vault", operation, secret=ascii(str(handle)), advice=advice)


def _field(handle: SecretHandle, fields: Mapping[str, object], name: str) -> str:
    if name not in fields:
        raise _wrong(handle, name, "is missing")
    value = fields[name]
    if not isinstance(value, str):
        raise _wrong(handle, name, "is not text")
    if not value:
        raise _wrong(handle, name, "is empty")
    if not is_password(value):
        raise _wrong(handle, name, "holds a line break")
    return value


def is_password(value: object) -> bool:
    """Say whether this can be typed as a password: one line that is not empty."""
    return isinstance(value, str) and value != "" and not any(c in value for c in "\r\n\0")


def _wrong(handle: SecretHandle, field: str, problem: str) -> InvalidInput:
    return InvalidInput(
        "vault",
        "read credential",
        secret=handle,
        field=field,
        advice=(
            f"The field {field} of {handle} {problem}; write it again with: "
            f"vault kv patch -mount={handle.mount} {handle.path} {field}=-"
        ),
    )
