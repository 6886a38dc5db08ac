"""Changes to users, over a session that is signed in as the account to prove. One request each."""

from __future__ import annotations

import logging
import secrets
import string
from collections.abc import Mapping

from connectors.active_directory.accounts import is_directly_in, read_user
from connectors.active_directory.errors import SYSTEM
from connectors.active_directory.models import DirectoryUser
from connectors.active_directory.names import child_dn, prefix_filter, same_dn
from connectors.active_directory.session import Session
from connectors.errors import InvalidInput, NotFound, RotationError
from connectors.secret import Secret

_log = logging.getLogger(__name__)

_NORMAL_ACCOUNT = b"512"
_SHORTEST_PREFIX = 4
_SIGNS = string.ascii_letters + string.digits
# Values of these are secrets or permissions, which do not go in as plain attributes.
_CLOSED_ATTRIBUTES = {
    "unicodepwd", "userpassword", "dbcspwd", "ntsecuritydescriptor", "useraccountcontrol",
}  # fmt: skip


def _quoted(password: Secret) -> bytes:
    """Return a password in the form of unicodePwd (MS-ADTS 3.1.1.3.1.5): quoted, UTF-16."""
    return f'"{password.reveal()}"'.encode("utf-16-le")


def _unkept_password() -> Secret:
    """Return a random password that any domain policy takes, and that nobody keeps.

    A policy refuses passwords that hold the account's name, or a part of its display name, of three
    signs and more. Neither holds a comma, and here are never more than two signs between commas.
    """
    pairs = ("".join(secrets.choice(_SIGNS) for _ in range(2)) for _ in range(20))
    return Secret(",".join([*pairs, "aA", "1"]))


def create(session: Session, container: str, username: str, domain: str) -> DirectoryUser:
    """Create an enabled user directly in the container, in one add; raise Conflict when it is there."""
    operation = "create user"
    dn = child_dn(username, container)
    upn = f"{username}@{domain}"
    values = {
        "sAMAccountName": [username.encode()],
        "userPrincipalName": [upn.encode()],
        "userAccountControl": [_NORMAL_ACCOUNT],
        "unicodePwd": [_quoted(_unkept_password())],
    }
    session.add_user(dn, values, operation)
    try:
        return read_user(session, dn, operation)
    except RotationError:
        # It is there: a look that failed does not change that.
        _log.info("active directory: created user not read back: dn=%s", dn)
        return DirectoryUser(dn, username, upn, None, enabled=True, password_last_set=None)


def reset_password(
    session: Session, dn: str, password: Secret | None, operation: str = "reset password"
) -> None:
    """Set the password, or a random one that nobody keeps."""
    new = password if password is not None else _unkept_password()
    session.replace(dn, {"unicodePwd": [_quoted(new)]}, operation)


def modify(session: Session, dn: str, attributes: Mapping[str, str]) -> None:
    """Replace single-valued attributes, all or none."""
    closed = sorted(name for name in attributes if name.lower() in _CLOSED_ATTRIBUTES)
    if closed or not attributes:
        raise InvalidInput(
            SYSTEM,
            "modify user",
            dn=dn,
            attributes=", ".join(closed) or "none",
            advice="Name at least one plain attribute; passwords and permissions have their own ways.",
        )
    values = {name: [value.encode()] for name, value in attributes.items()}
    session.replace(dn, values, "modify user")


def delete(session: Session, dn: str) -> None:
    """Delete one user; one that is already gone is success, something that is no user is refused."""
    operation = "delete user"
    try:
        classes = session.read(dn, ("objectClass",), operation).values("objectClass")
        if b"user" not in {value.lower() for value in classes}:
            raise InvalidInput(
                SYSTEM, operation, dn=dn, advice="Give the DN of a user; only users are deleted."
            )
        session.delete(dn, operation)
    except NotFound:
        _log.debug("active directory: user was already gone: dn=%s", dn)


def require_prefix(prefix: str, operation: str) -> None:
    """Raise InvalidInput for a prefix that could be the beginning of other people's names."""
    if len(prefix) < _SHORTEST_PREFIX:
        raise InvalidInput(
            SYSTEM, operation, prefix=prefix, advice="Give the run's prefix, at least 4 characters."
        )


def delete_by_prefix(
    session: Session, container: str, prefix: str, keep: str = ""
) -> tuple[str, ...]:
    """Delete the users directly in the container whose sAMAccountName starts with the prefix.

    ``keep`` is the name of one that stays. Returns their DNs. Raises InvalidInput for a prefix under four characters.
    """
    operation = "delete test users"
    require_prefix(prefix, operation)
    deleted: list[str] = []
    complete = False
    while not complete:
        found, all_of_them = session.search(
            container, prefix_filter(prefix), ("sAMAccountName",), operation, "LEVEL"
        )
        # A controller that still shows what it has deleted must not keep us here for ever.
        left = [
            entry
            for entry in found
            if is_directly_in(entry, container, prefix)
            and not any(same_dn(entry.dn, gone) for gone in deleted)
            and (entry.text("sAMAccountName") or "").casefold() != keep.casefold()
        ]
        for entry in left:
            delete(session, entry.dn)
            deleted.append(entry.dn)
        complete = all_of_them or not left
    return tuple(deleted)
