"""What a staged secret looks like, and how to tell one of another rotation. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connectors.errors import OutOfStep
from connectors.models import SecretHandle
from connectors.secret import Secret
from connectors.vault import kv
from connectors.vault.writing import Fields

FIELDS = ("username", "password", "rotation_id")


def whole(handle: SecretHandle, operation: str) -> SecretHandle:
    """Name the secret without a version; raises InvalidInput for one that is no KV secret."""
    handle = replace(handle, version=None)
    kv.check_handle(handle, operation)
    return handle


def is_name(value: object) -> bool:
    """Say whether this is one line of text without white space around it."""
    return isinstance(value, str) and value == value.strip() != "" and value.isprintable()


def wrong_field(
    fields: Mapping[str, object], username: str | None = None, rotation: str | None = None
) -> str | None:
    """Name the first field that is not as it was staged; None when all are."""
    for name in ("username", "rotation_id"):
        if not is_name(fields.get(name)):
            return name
    if not kv.is_password(fields.get("password")):
        return "password"
    if fields.keys() - set(FIELDS):
        return "another field"
    if username is not None and str(fields["username"]).casefold() != username.casefold():
        return "username"
    return "rotation_id" if rotation not in (None, fields["rotation_id"]) else None


def closed(fields: Mapping[str, object]) -> Fields:
    """Close the fields of a staged secret, to be written elsewhere."""
    return {name: Secret(str(fields[name])) for name in FIELDS}


def foreign(place: SecretHandle, field: str) -> OutOfStep:
    """Return the error for something that this rotation did not stage."""
    return OutOfStep(
        "vault",
        "read staged secret",
        secret=f"{place.mount}/{place.path}",
        field=field,
        advice=(
            f"What waits at {place.mount}/{place.path} is not what this rotation staged ({field}). Look "
            f"at it with: {look_at(place)}. When no rotation needs it any more, remove it with: "
            f"vault kv metadata delete -mount={place.mount} {place.path}, and start the rotation again."
        ),
    )


def look_at(place: SecretHandle) -> str:
    """Return the command that shows a secret's versions and dates, and no value."""
    return f"vault kv metadata get -mount={place.mount} {place.path}"
