"""What the answers of the LDAP secrets engine mean. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ValidationError

from connectors.errors import InvalidInput, NotFound, OutOfStep, RotationError, Unreachable
from connectors.models import Credential, Engine, SecretHandle, SecretVersion
from connectors.secret import Secret
from connectors.vault import kv
from connectors.vault.call import Answer, Call

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OptionalTime = Annotated[AwareDatetime | None, BeforeValidator(lambda value: value or None)]


class Facts(BaseModel):
    """What a role and its credential say alike; a role that was never rotated has no time, or year 1."""

    last_vault_rotation: _OptionalTime = None
    rotate_on_read: bool = False

    @property
    def number(self) -> int:
        """The version: milliseconds since 1970, 0 when Vault never rotated."""
        if self.last_vault_rotation is None:
            return 0
        return max(0, (self.last_vault_rotation - _EPOCH) // timedelta(milliseconds=1))

    def version(self, role: SecretHandle) -> SecretVersion:
        """Return the last rotation as a version of the role."""
        return SecretVersion(
            role.at(self.number), self.last_vault_rotation or _EPOCH, readable=True
        )


def facts(answer: Answer) -> Facts | None:
    """Read the facts; None when the answer does not have that form."""
    try:
        return Facts.model_validate(answer.data)
    except ValidationError:
        return None


def credential(role: SecretHandle, fields: Mapping[str, object]) -> Credential:
    """Take username and password, and nothing else; raises InvalidInput that names the field."""
    username = fields.get("username")
    if not kv.is_password(username) or str(username) != str(username).strip():
        raise _unusable(role, "username")
    if not kv.is_password(fields.get("password")):
        raise _unusable(role, "password")
    return Credential(role, str(username), Secret(str(fields["password"])))


def whole(role: SecretHandle, operation: str) -> SecretHandle:
    """Name the role without a version; raises InvalidInput for what cannot be the name of one.

    Vault writes names in lower case, but looks a role that it is to rotate up as it is written.
    """
    role = replace(role, version=None)
    kv.check_handle(role, operation, Engine.LDAP)
    if role.path == role.path.lower():
        return role
    advice = (
        f"Vault keeps the names of static roles in lower case; write {role.path.lower()!a} in the "
        "inventory, so that one role has one name."
    )
    raise InvalidInput("vault", operation, role=ascii(role.path), advice=advice)


def why(role: SecretHandle, call: Call, answer: Answer) -> RotationError:
    """Return the error for a role or credential that was not given out."""
    if answer.status == 412:
        return behind(call)
    if answer.says("no handler for route"):
        problem = "no such mount"
        advice = f"Nothing is mounted at {role.mount}; look at the mounts with: vault secrets list"
    elif answer.says("Invalid path for a versioned"):
        advice = (
            f"The mount {role.mount} is of the KV engine; look at the mounts with: vault secrets list, "
            "and correct the engine or the mount in the inventory."
        )
        return InvalidInput("vault", call.operation, role=role, advice=advice)
    else:
        # NOTE: an unknown role is 404 when the role is read, and 400 when its credential is.
        problem = "no such role"
        advice = (
            f"There is no static role {role.path} at {role.mount}, or this identity may not see it; "
            f"list the roles with: vault list {role.mount}/static-role"
        )
    return NotFound("vault", call.operation, role=role, found=problem, advice=advice)


def never_rotated(role: SecretHandle) -> NotFound:
    """Return the error for a role whose password Vault does not know yet."""
    advice = (
        "Vault has never rotated this account, so it does not know its password. Let it, with: "
        f"vault write -f {role.mount}/rotate-role/{role.path}"
    )
    return NotFound("vault", "read static role", role=role, found="never rotated", advice=advice)


def rotates_on_read(role: SecretHandle) -> InvalidInput:
    """Return the error for a role whose password changes whenever somebody reads it."""
    advice = (
        "Vault would change this password whenever it is read. Turn that off with: "
        f"vault write {role.mount}/static-role/{role.path} rotate_on_read=false"
    )
    return InvalidInput(
        "vault", "read static role", role=role, field="rotate_on_read", advice=advice
    )


def rotated_since(role: SecretHandle, newest: int) -> OutOfStep:
    """Return the error for a rotation other than the one that the handle names."""
    advice = (
        "Vault rotated the role in between; start the update again. When that happens often, look at "
        f"its rotation_period with: vault read {role.mount}/static-role/{role.path}"
    )
    return OutOfStep("vault", "read static credential", role=role, newest=newest, advice=advice)


def behind(call: Call) -> Unreachable:
    """Return the error for a node that has not caught up."""
    advice = (
        "The node of Vault that answered has not caught up; start the update again in a minute."
    )
    return Unreachable("vault", call.operation, advice=advice, retry_after=1.0, **call.about)


def _unusable(role: SecretHandle, field: str) -> InvalidInput:
    place = f"{role.mount}/static-role/{role.path}"
    advice = (
        f"Vault gives no usable {field} for this role; look at it with: vault read {place}. A username "
        f"cannot be changed later: make the role anew with: vault delete {place}, then "
        f"vault write {place} username=NAME rotation_period=8760h"
    )
    return InvalidInput("vault", "read static credential", role=role, field=field, advice=advice)
