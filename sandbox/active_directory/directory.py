"""The store: entries by DN, their descriptors, groups and tokens. Rights are asked here, enforced by callers."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from sandbox.active_directory import names, schema, sddl, security
from sandbox.active_directory.names import Dn
from sandbox.active_directory.passwords import Credentials
from sandbox.active_directory.results import ALREADY_EXISTS, Refusal, no_right, no_such_object
from sandbox.active_directory.security import Ace, Descriptor, Token

_FIRST_FREE_RID = 1103
_EPOCH = 11644473600
NEVER = 0x7FFFFFFFFFFFFFFF
DISABLED, NOT_REQUIRED, NORMAL, NO_EXPIRY = 0x2, 0x20, 0x200, 0x10000


def filetime(seconds: float) -> int:
    """Turn seconds since 1970 into 100 ns since 1601."""
    return int((seconds + _EPOCH) * 10_000_000)


def seconds_of(value: int) -> float:
    """Turn 100 ns since 1601 into seconds since 1970."""
    return value / 10_000_000 - _EPOCH


def stamp(seconds: float) -> bytes:
    """Write a time the way whenCreated does."""
    return time.strftime("%Y%m%d%H%M%S.0Z", time.gmtime(seconds)).encode()


@dataclass(eq=False)
class Entry:
    """One object. ``attributes`` by lower-case name; users have ``credentials``.

    ``counters`` are the numbers that each domain controller keeps for itself, by replica and name.
    """

    dn: Dn
    kind: schema.ObjectClass
    descriptor: Descriptor
    attributes: dict[str, list[bytes]] = field(default_factory=dict)
    credentials: Credentials | None = None
    counters: dict[tuple[int, str], int] = field(default_factory=dict)

    def number(self, name: str, default: int = 0) -> int:
        """Read the one numeric value of an attribute."""
        values = self.attributes.get(name.lower())
        return int(values[0]) if values else default

    def text(self, name: str) -> str | None:
        """Read the first value of an attribute as text."""
        values = self.attributes.get(name.lower())
        return values[0].decode() if values else None

    def put(self, name: str, *values: str | int | bytes) -> None:
        """Replace the values of an attribute."""
        self.attributes[name.lower()] = [
            value if isinstance(value, bytes) else str(value).encode() for value in values
        ]

    @property
    def sid(self) -> str | None:
        """The objectSid as text; None where there is none."""
        values = self.attributes.get("objectsid")
        return security.sid_text(values[0]) if values else None


class Directory:
    """One domain. Not thread-safe: the server holds one lock around each operation."""

    def __init__(self, domain: str, netbios: str, now: Callable[[], float]) -> None:
        self.domain, self.netbios, self.now = domain, netbios, now
        self.base = names.domain_dn(domain)
        self.configuration = self.base.child("CN", "Configuration")
        self.domain_sid = "S-1-5-21-" + "-".join(str(random.getrandbits(31)) for _ in range(3))
        self.entries: dict[names.Key, Entry] = {}
        self.usn = 1000
        self._rid = _FIRST_FREE_RID

    # -- entries -------------------------------------------------------------------------------

    def get(self, dn: Dn) -> Entry:
        """Return an entry; raise result 32 when it is not there."""
        found = self.entries.get(dn.key)
        if found is None:
            above = dn.parent
            while above.rdns and above.key not in self.entries:
                above = above.parent
            raise no_such_object(dn, above)
        return found

    def at(self, name: str) -> Entry:
        """Return an entry by the text of its DN."""
        return self.get(names.parse(name))

    def parent(self, entry: Entry) -> Entry | None:
        """Return the entry above; None at the top of a naming context."""
        if entry.dn.key in (self.base.key, self.configuration.key):
            return None
        return self.entries.get(entry.dn.parent.key)

    def below(self, dn: Dn) -> Iterator[Entry]:
        """Return the entry and everything under it, staying inside its naming context."""
        outside = not dn.is_under(self.configuration)
        for entry in list(self.entries.values()):
            if entry.dn.is_under(dn) and not (outside and entry.dn.is_under(self.configuration)):
                yield entry

    def children(self, dn: Dn) -> Iterator[Entry]:
        """Return the entries directly below."""
        return (e for e in self.below(dn) if len(e.dn.rdns) == len(dn.rdns) + 1)

    def add(
        self, dn: Dn, class_name: str, owner: str, sid: str | None = None, **values: str | int
    ) -> Entry:
        """Put a new entry in; raise result 68 when the name is taken."""
        if dn.key in self.entries:
            text = f"UpdErr: the entry already exists: {dn}"
            raise Refusal(ALREADY_EXISTS, "00002071", text)
        kind = schema.CLASSES[class_name.lower()]
        group = f"{self.domain_sid}-513"
        entry = Entry(dn, kind, Descriptor(owner, group, self._own_aces(kind)))
        entry.put("objectClass", *kind.chain)
        category = self.configuration.child("CN", "Schema").child("CN", kind.category)
        entry.put("objectCategory", str(category))
        entry.put("objectGUID", uuid.uuid4().bytes_le)
        entry.put("instanceType", 4)
        entry.put("whenCreated", stamp(self.now()))
        if sid is None and kind.name in ("user", "computer", "group"):
            sid = f"{self.domain_sid}-{self._rid}"
            self._rid += 1
        if sid:
            entry.put("objectSid", security.sid_bytes(sid))
        for name, value in values.items():
            entry.put(name, value)
        self.entries[dn.key] = entry
        self._name(entry)
        self.touch(entry)
        entry.attributes["usncreated"] = entry.attributes["usnchanged"]
        return entry

    def touch(self, entry: Entry) -> None:
        """Note that an entry has changed."""
        self.usn += 1
        entry.put("uSNChanged", self.usn)
        entry.put("whenChanged", stamp(self.now()))

    def _name(self, entry: Entry) -> None:
        kind, value = entry.dn.rdn
        entry.put(kind, value)
        entry.put("name", value)
        entry.put("distinguishedName", str(entry.dn))

    def remove(self, entry: Entry) -> None:
        """Take an entry out, and out of every group."""
        del self.entries[entry.dn.key]
        for group in self.groups():
            group.attributes["member"] = [
                one
                for one in group.attributes["member"]
                if names.parse(one.decode()).key != entry.dn.key
            ]

    def rename(self, entry: Entry, dn: Dn) -> None:
        """Give an entry, and what is below it, another name; groups follow."""
        if dn.key != entry.dn.key and dn.key in self.entries:
            raise Refusal(ALREADY_EXISTS, "00002071", f"UpdErr: the entry already exists: {dn}")
        old = entry.dn
        for one in [e for e in self.entries.values() if e.dn.is_under(old)]:
            del self.entries[one.dn.key]
            one.dn = one.dn.moved(old, dn)
            self.entries[one.dn.key] = one
            self._name(one)
            self.touch(one)
        for group in self.groups():
            members = [names.parse(one.decode()) for one in group.attributes["member"]]
            group.put("member", *(str(m.moved(old, dn) if m.is_under(old) else m) for m in members))

    # -- users and groups ----------------------------------------------------------------------

    def users(self) -> Iterator[Entry]:
        """Return every account that can sign in."""
        return (entry for entry in self.entries.values() if entry.credentials is not None)

    def groups(self) -> Iterator[Entry]:
        """Return every group that has members."""
        return (e for e in list(self.entries.values()) if e.attributes.get("member"))

    def named(self, attribute: str, value: str) -> Entry | None:
        """Return the entry that has this value, whatever its case."""
        wanted = value.casefold()
        for entry in self.entries.values():
            found = entry.text(attribute)
            if found is not None and found.casefold() == wanted:
                return entry
        return None

    def account(self, name: str) -> Entry | None:
        """Find the account that a simple bind names; a bare sAMAccountName is none of the forms."""
        found: Entry | None = None
        before, at, after = name.rpartition("@")
        if at:
            found = self.named("userPrincipalName", name)
            if found is None and after.casefold() in (
                self.domain.casefold(),
                self.netbios.casefold(),
            ):
                found = self.named("sAMAccountName", before)
        elif "=" in name:
            try:
                found = self.entries.get(names.parse(name).key)
            except Refusal:
                found = None
        else:
            before, slash, after = name.partition("\\")
            if slash and before.casefold() == self.netbios.casefold():
                found = self.named("sAMAccountName", after)
        return found if found is not None and found.credentials is not None else None

    def groups_of(self, entry: Entry) -> list[Entry]:
        """Return every group that the entry is in, directly or through others; primary first."""
        sid = f"{self.domain_sid}-{entry.number('primaryGroupID')}"
        primary = [e for e in self.entries.values() if e.sid == sid]
        found: dict[names.Key, Entry] = {group.dn.key: group for group in primary}
        members = [
            (g, {names.parse(m.decode()).key for m in g.attributes["member"]})
            for g in self.groups()
        ]
        pending = [entry.dn.key, *found]
        while pending:
            key = pending.pop()
            for group, keys in members:
                if key in keys and group.dn.key not in found:
                    found[group.dn.key] = group
                    pending.append(group.dn.key)
        return list(found.values())

    def token(self, entry: Entry) -> Token:
        """Return what an account is, for access checks."""
        groups = [group.sid for group in self.groups_of(entry)]
        well_known = [
            security.EVERYONE,
            security.NETWORK,
            security.AUTHENTICATED,
            security.OLD_CLIENTS,
        ]
        sids = [entry.sid, *groups, *well_known]
        return Token(tuple(dict.fromkeys(sid for sid in sids if sid)))

    # -- rights --------------------------------------------------------------------------------

    def _own_aces(self, kind: schema.ObjectClass) -> list[Ace]:
        """Return the ACEs that the schema gives each new object of a class."""
        return sddl.read(kind.default, self.domain_sid)

    def dacl(self, entry: Entry) -> list[Ace]:
        """Return an entry's ACEs: its own, then those of the entries above, nearest first."""
        found = list(entry.descriptor.aces)
        owner, child = entry.descriptor.owner, True
        at: Entry | None = entry
        while at is not None and not at.descriptor.protected:
            at = self.parent(at)
            for ace in at.descriptor.aces if at is not None else ():
                found += ace.inherited_by(entry.kind.guid, owner, child=child)
            child = False
        return found

    def may(
        self, token: Token, entry: Entry, right: int, guids: Collection[uuid.UUID] = ()
    ) -> bool:
        """Decide whether the caller has a right on an entry."""
        return security.allowed(token, entry.descriptor, self.dacl(entry), entry.sid, right, guids)

    def demand(
        self, token: Token, entry: Entry, right: int, guids: Collection[uuid.UUID], what: str
    ) -> None:
        """Raise result 50 unless the caller has the right."""
        if not self.may(token, entry, right, guids):
            raise no_right(what)
