"""Predict what an account may do in a container, from what the account itself may read.

MS-ADTS 5.1.3.3 says how a controller decides; ``effective`` applies it.
``allowedAttributesEffective`` is not used: it does not show the Reset Password right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connectors.active_directory import effective
from connectors.active_directory import security_descriptor as sd
from connectors.active_directory.effective import Place, Token
from connectors.active_directory.models import (
    DOCUMENTED_RIGHTS,
    VALIDATION_RIGHTS,
    Denial,
    Right,
    RightCheck,
)
from connectors.active_directory.names import parse_dn
from connectors.active_directory.sddl import parse_sddl_dacl
from connectors.active_directory.security_descriptor import Ace, Verdict
from connectors.active_directory.session import Session
from connectors.active_directory.trustees import name_of
from connectors.active_directory.values import Entry
from connectors.errors import NotFound, NotPermitted
from connectors.models import Presence

_OPERATION = "predict rights"
_UNREADABLE = "nTSecurityDescriptor of the {} or tokenGroups of the rootDSE could not be read"
_UNSEEN = "it is not there, or the account may not see it"
_LISTED = "allowedChildClassesEffective of the container names {}"
_NOT_LISTED = "allowedChildClassesEffective of the container does not name {}"


@dataclass(frozen=True, slots=True)
class _Told:
    presence: Presence
    how: str
    by: Ace | None = None


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks, and what a new object gets from its class."""

    session: Session
    account: str
    root: Entry
    token: tuple[str, ...]
    defaults: dict[str, tuple[Ace, ...]] = field(default_factory=dict)

    def place(self, entry: Entry) -> Place | None:
        """Return a container as it is judged; None when its descriptor or the token could not be read."""
        read = _read(entry, self.root)
        return Place(read[0], self.defaults) if read else None

    def check(self, right: Right, told: _Told, container: str, *, managed: bool) -> RightCheck:
        """Return what was told as a check, with the name of whom a denial is for."""
        denial = None
        if told.by is not None and told.presence is Presence.MISSING:
            who = self.account if told.by.sid == self.token[0] else None
            trustee = who or name_of(self.session, self.root, told.by.sid)
            of_children = right in effective.DELETED_CLASS and not told.by.mask & sd.DELETE
            denial = Denial(trustee, told.by.inherited, of_children)
        return RightCheck(
            right, told.presence, container, told.how, self.account, managed=managed, denial=denial
        )


def predict(
    session: Session, container: str, account: str, managed: Sequence[str] = ()
) -> tuple[RightCheck, ...]:
    """Return one check per right, on the account that the session is signed in as.

    Those that validation needs in the container; then, for every managed base, those that the vendor
    documents. Raises NotFound when the container is not there, or may not be seen; a base that is not is told.
    """
    entry = _required(session, container, account)
    root = session.read(
        "", ("tokenGroups", "schemaNamingContext", "defaultNamingContext"), _OPERATION
    )
    asker = _asker(session, root, account)
    return (*_needed(asker, entry, container), *(c for b in managed for c in _documented(asker, b)))


def _required(session: Session, container: str, account: str) -> Entry:
    """Read the container that validation needs; raise NotFound with what a person does about it."""
    try:
        return _container(session, container)
    except NotFound as gone:
        problem = gone.sealed()
    problem.advice = (
        f'{container} is not there, or {account} may not see it. Create it (dsadd ou "{container}") or '
        "correct validation_ou in the inventory, then start the update again; nothing was changed."
    )
    raise problem


def _container(session: Session, dn: str) -> Entry:
    attributes = ("nTSecurityDescriptor", "allowedChildClassesEffective")
    return session.read(dn, attributes, _OPERATION, dacl=True)


def _asker(session: Session, root: Entry, account: str) -> _Asker:
    try:
        token = tuple(sd.parse_sid(value) for value in root.values("tokenGroups"))
    except sd.MalformedDescriptorError:
        token = ()
    defaults = _class_defaults(session, root, token[0].rpartition("-")[0]) if token else {}
    return _Asker(session, account, root, token, defaults)


def _needed(asker: _Asker, entry: Entry, container: str) -> Iterator[RightCheck]:
    place = asker.place(entry)
    # Who creates a user is its CREATOR OWNER.
    token = {*asker.token, sd.CREATOR_OWNER}
    sources = "nTSecurityDescriptor of the container (entries that a new user inherits)"
    sources += " and the default of the class user" if asker.defaults.get("user") else ""
    sources += ", tokenGroups of the rootDSE"
    for right in VALIDATION_RIGHTS:
        told = _judge(right, place, token, sources)
        yield asker.check(right, _as_listed(right, entry, told), container, managed=False)


def _documented(asker: _Asker, base: str) -> Iterator[RightCheck]:
    """Judge an organizational unit and what is below it; of a domain only what is below its head."""
    entry, place, unseen = Entry(base, {}), None, ""
    try:
        entry = _container(asker.session, base)
    except (NotFound, NotPermitted):
        unseen = _UNSEEN
    else:
        place = asker.place(entry)
    sources = (
        "nTSecurityDescriptor of the container (entries that what is created in it, and below it, "
        "inherits) and the defaults of the classes, tokenGroups of the rootDSE"
    )
    below = place.below() if place else None
    token = frozenset(asker.token)
    for right in DOCUMENTED_RIGHTS:
        told = _judge(right, below, token, sources)
        if parse_dn(base)[0][0] != "dc":
            here = _as_listed(right, entry, _judge(right, place, token, sources))
            told = max(here, told, key=lambda one: effective.RANK[one.presence])
        if unseen:
            told = _Told(Presence.UNTOLD, unseen)
        yield asker.check(right, told, base, managed=True)


def _judge(right: Right, place: Place | None, token: Token, sources: str) -> _Told:
    if place is None:
        return _Told(Presence.UNTOLD, _UNREADABLE.format("container"))
    verdict: Verdict = effective.QUESTIONS[right](place, token)
    return _Told(verdict.presence, sources, verdict.by)


def _as_listed(right: Right, entry: Entry, told: _Told) -> _Told:
    """Prefer the directory's own answer about creating, and doubt it when the descriptor says otherwise."""
    created = effective.CREATED_CLASS.get(right)
    if created is None:
        return told
    listed = entry.values("allowedChildClassesEffective")
    if created in {value.decode(errors="replace").lower() for value in listed}:
        return _Told(Presence.PRESENT, _LISTED.format(created))
    not_listed = _NOT_LISTED.format(created)
    if told.presence is Presence.MISSING:
        return _Told(Presence.MISSING, not_listed, told.by)
    if told.presence is Presence.UNTOLD:
        return told
    return _Told(Presence.UNTOLD, f"{not_listed}, its descriptor allows it")


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


def _reset_on(dacl: sd.Dacl, token: Token) -> _Told:
    how = "nTSecurityDescriptor of the user, tokenGroups of the rootDSE"
    if not dacl.inherits:
        how += "; the user inherits no permissions from its container"
    if dacl.everything:
        return _Told(Presence.PRESENT, how)
    return _Told(sd.check(dacl.aces, token, sd.CONTROL_ACCESS, effective.RESET), how)


def _read(entry: Entry, root: Entry) -> tuple[sd.Dacl, list[str]] | None:
    """Return the descriptor's DACL and the token, or None when one of them could not be read."""
    raw, groups = entry.values("nTSecurityDescriptor"), root.values("tokenGroups")
    if not raw or not groups:
        return None
    try:
        return sd.parse_dacl(raw[0]), [sd.parse_sid(value) for value in groups]
    except sd.MalformedDescriptorError:
        return None


def _class_defaults(session: Session, root: Entry, domain_sid: str) -> dict[str, tuple[Ace, ...]]:
    """Return the entries that new objects get from their class; none where the schema is closed."""
    schema = root.text("schemaNamingContext")
    if not schema:
        return {}
    names = "".join(f"(lDAPDisplayName={name})" for name in effective.CLASSES)
    query = f"(&(objectClass=classSchema)(|{names}))"
    wanted = ("lDAPDisplayName", "defaultSecurityDescriptor")
    try:
        found, _ = session.search(schema, query, wanted, _OPERATION, "LEVEL")
    except (NotFound, NotPermitted):
        return {}
    return {
        entry.text("lDAPDisplayName") or "": parse_sddl_dacl(
            entry.text("defaultSecurityDescriptor") or "", domain_sid
        )
        for entry in found
    }
