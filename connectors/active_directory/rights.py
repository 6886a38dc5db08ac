"""Predict what an account may do with users in a container, from what the account itself may read.

MS-ADTS 5.1.3.3 says how a controller decides. A right on users that do not exist yet is judged on the
entries that such a user would get: the class's default ones, then those inherited from the container.
``allowedAttributesEffective`` is not used: it does not show the Reset Password right.
"""

from __future__ import annotations

import uuid
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from connectors.active_directory import security_descriptor as sd
from connectors.active_directory.models import Right, RightCheck
from connectors.active_directory.names import parent_of
from connectors.active_directory.sddl import parse_sddl_dacl
from connectors.active_directory.session import Session
from connectors.active_directory.values import Entry
from connectors.errors import NotFound, NotPermitted
from connectors.models import Presence

_OPERATION = "predict rights"

# The attribute that validation changes, and the property set that it belongs to.
_DESCRIPTION = frozenset({
    uuid.UUID("bf967950-0de6-11d0-a285-00aa003049e2"),
    uuid.UUID("e48d0154-bcf8-11d1-8702-00c04fb96050"),
})  # fmt: skip
_RESET = frozenset({sd.RESET_PASSWORD})
_USER = frozenset({sd.CLASS_USER})


@dataclass(frozen=True, slots=True)
class _Told:
    presence: Presence
    how: str


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read: the container's entries, a new user's entries, and who asks."""

    container: sd.Dacl
    child: tuple[sd.Ace, ...]
    token: AbstractSet[str]
    sources: str

    def on_container(self, bit: int) -> Presence:
        if self.container.everything:
            return Presence.PRESENT
        return sd.check(self.container.aces, self.token, bit, _USER)

    def on_child(self, bit: int, accepted: AbstractSet[uuid.UUID] = frozenset()) -> Presence:
        # Who creates a user is its CREATOR OWNER.
        return sd.check(self.child, self.token | {sd.CREATOR_OWNER}, bit, accepted)


def predict(session: Session, container: str, account: str) -> tuple[RightCheck, ...]:
    """Return one check per right, on the account that the session is signed in as.

    Raises NotFound when the container is not there, or may not be seen.
    """
    entry = session.read(
        container, ("nTSecurityDescriptor", "allowedChildClassesEffective"), _OPERATION, dacl=True
    )
    root = session.read("", ("tokenGroups", "schemaNamingContext"), _OPERATION)
    facts = _facts(session, entry, root)
    told = {
        Right.CREATE_USER: _create(entry, facts),
        Right.RESET_PASSWORD: _on_child(facts, sd.CONTROL_ACCESS, _RESET),
        Right.WRITE_ATTRIBUTES: _on_child(facts, sd.WRITE_PROPERTY, _DESCRIPTION),
        Right.DELETE_USER: _delete(facts),
    }
    return tuple(
        RightCheck(right, answer.presence, container, answer.how, account)
        for right, answer in told.items()
    )


def predict_reset(session: Session, dn: str, account: str) -> RightCheck:
    """Return the check of Reset Password on one user, for the account that the session is signed in as.

    Raises NotFound when the user is not there, or may not be seen.
    """
    told = _Told(Presence.UNTOLD, _UNREADABLE.format("user"))
    try:
        entry = session.read(dn, ("nTSecurityDescriptor", "objectSid"), _OPERATION, dacl=True)
        root = session.read("", ("tokenGroups",), _OPERATION)
    except NotPermitted:
        pass
    else:
        if (read := _read(entry, root)) is not None:
            dacl, token = read
            # What a user may do with itself is given to SELF.
            own = set(entry.values("objectSid")).intersection(root.values("tokenGroups"))
            told = _reset_on(dacl, {*token, sd.SELF} if own else set(token))
    return RightCheck(Right.RESET_PASSWORD, told.presence, dn, told.how, account, on_user=True)


def _reset_on(dacl: sd.Dacl, token: AbstractSet[str]) -> _Told:
    how = "nTSecurityDescriptor of the user, tokenGroups of the rootDSE"
    if not dacl.inherits:
        how += "; the user inherits no permissions from its container"
    if dacl.everything:
        return _Told(Presence.PRESENT, how)
    return _Told(sd.check(dacl.aces, token, sd.CONTROL_ACCESS, _RESET), how)


def _read(entry: Entry, root: Entry) -> tuple[sd.Dacl, list[str]] | None:
    """Return the descriptor's DACL and the token, or None when one of them could not be read."""
    raw, groups = entry.values("nTSecurityDescriptor"), root.values("tokenGroups")
    if not raw or not groups:
        return None
    try:
        return sd.parse_dacl(raw[0]), [sd.parse_sid(value) for value in groups]
    except sd.MalformedDescriptorError:
        return None


def _facts(session: Session, entry: Entry, root: Entry) -> _Facts | None:
    """Return what was read, or None when the descriptor or the token could not be."""
    read = _read(entry, root)
    if read is None:
        return None
    dacl, token = read
    default = _class_default(session, root, token[0].rpartition("-")[0])
    sources = "nTSecurityDescriptor of the container (entries that a new user inherits)"
    sources += " and the default of the class user" if default else ""
    sources += ", tokenGroups of the rootDSE"
    child = default + sd.inherited_by_child(dacl, sd.CLASS_USER)
    return _Facts(dacl, child, frozenset(token), sources)


def _class_default(session: Session, root: Entry, domain_sid: str) -> tuple[sd.Ace, ...]:
    """Return the entries that every new user gets from its class; none where the schema is closed."""
    schema = root.text("schemaNamingContext")
    if not schema:
        return ()
    try:
        user = session.read(f"CN=User,{schema}", ("defaultSecurityDescriptor",), _OPERATION)
    except (NotFound, NotPermitted):
        return ()
    return parse_sddl_dacl(user.text("defaultSecurityDescriptor") or "", domain_sid)


_UNREADABLE = "nTSecurityDescriptor of the {} or tokenGroups of the rootDSE could not be read"
_UNTOLD = _Told(Presence.UNTOLD, _UNREADABLE.format("container"))


def _create(entry: Entry, facts: _Facts | None) -> _Told:
    """The directory's own answer, doubted when the descriptor says otherwise."""
    classes = {
        value.decode(errors="replace").lower()
        for value in entry.values("allowedChildClassesEffective")
    }
    if "user" in classes:
        return _Told(Presence.PRESENT, "allowedChildClassesEffective of the container names user")
    if facts is None:
        return _UNTOLD
    if facts.on_container(sd.CREATE_CHILD) is Presence.MISSING:
        how = "allowedChildClassesEffective of the container does not name user"
        return _Told(Presence.MISSING, how)
    return _Told(
        Presence.UNTOLD,
        "allowedChildClassesEffective of the container does not name user, its descriptor allows it",
    )


def _on_child(facts: _Facts | None, bit: int, accepted: AbstractSet[uuid.UUID]) -> _Told:
    if facts is None:
        return _UNTOLD
    return _Told(facts.on_child(bit, accepted), facts.sources)


def _delete(facts: _Facts | None) -> _Told:
    """Deleting takes DELETE on the user, or DELETE_CHILD for users on its container."""
    if facts is None:
        return _UNTOLD
    answers = {facts.on_child(sd.DELETE), facts.on_container(sd.DELETE_CHILD)}
    presence = next(
        (p for p in (Presence.PRESENT, Presence.UNTOLD) if p in answers), Presence.MISSING
    )
    return _Told(presence, facts.sources)


_DSACLS = {
    Right.CREATE_USER: ("/I:T", "CC;user"),
    Right.DELETE_USER: ("/I:T", "DC;user"),
    Right.RESET_PASSWORD: ("/I:S", "CA;Reset Password;user"),
    Right.WRITE_ATTRIBUTES: ("/I:S", "RPWP;;user"),
}


def delegation_advice(check: RightCheck) -> str:
    """Return the dsacls command that gives the account the missing right on the container.

    A right on one user is given on the container that it is in. To be run by a person who may change
    the container's permissions.
    """
    inherit, grant = _DSACLS[check.right]
    trustee = check.account or "DOMAIN\\ACCOUNT"
    container = parent_of(check.container) if check.on_user else check.container
    return f'dsacls "{container}" {inherit} /G "{trustee}:{grant}"'
