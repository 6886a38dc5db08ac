"""What a caller sees of an entry: stored attributes, computed ones, and the rootDSE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.active_directory import names, schema, security
from sandbox.active_directory.accounts import Accounts
from sandbox.active_directory.directory import Directory, Entry, stamp
from sandbox.active_directory.security import Token

_HIDDEN = ("unicodepwd",)
_COUNTERS = ("badpwdcount", "badpasswordtime", "lastlogon", "logoncount")
PAGED, SD_FLAGS = "1.2.840.113556.1.4.319", "1.2.840.113556.1.4.801"
SHOW_DELETED, DOMAIN_SCOPE = "1.2.840.113556.1.4.417", "1.2.840.113556.1.4.1339"
TREE_DELETE, PERMISSIVE = "1.2.840.113556.1.4.805", "1.2.840.113556.1.4.1413"
CONTROLS = (PAGED, SD_FLAGS, SHOW_DELETED, DOMAIN_SCOPE, TREE_DELETE, PERMISSIVE)


@dataclass
class View:
    """The entries as one caller sees them on one replica."""

    directory: Directory
    accounts: Accounts
    token: Token
    replica: int
    sd_flags: int | None = None  # None: the control was not sent

    def visible(self, entry: Entry) -> bool:
        """Whether the caller may know that the entry is there."""
        return self.directory.may(self.token, entry, security.LIST)

    def readable(self, entry: Entry) -> bool:
        """Whether the caller may read what the entry holds."""
        return self.directory.may(self.token, entry, security.READ)

    def matched(self, entry: Entry) -> Callable[[str], Sequence[bytes]]:
        """Return what a filter may look at; of an unreadable entry, that it has some class."""
        if self.readable(entry):
            return lambda name: self.values(entry, name)
        return lambda name: [b"?"] if name == "objectclass" else ()

    def values(self, entry: Entry, name: str) -> Sequence[bytes]:
        """Return the values of one attribute, stored or computed; ``name`` in lower case."""
        computed = _COMPUTED.get(name)
        if computed is not None:
            return computed(self, entry)
        if name in _HIDDEN:
            return ()
        if name in _COUNTERS and entry.credentials is not None:
            return [str(self.accounts.counter(entry, name, self.replica)).encode()]
        return entry.attributes.get(name, ())

    def select(self, entry: Entry, wanted: Sequence[str]) -> dict[str, Sequence[bytes]]:
        """Return the asked-for attributes that have values; none asked for means all stored ones."""
        if list(wanted) == ["1.1"] or not self.readable(entry):
            return {}
        asked = [name for name in wanted if name not in ("*", "+", "1.1")]
        chosen: dict[str, str] = {}
        if "*" in wanted or not asked:
            chosen = {
                name: schema.ATTRIBUTES[name].name for name in [*entry.attributes, "memberof"]
            }
            if self.sd_flags is not None:
                chosen["ntsecuritydescriptor"] = "nTSecurityDescriptor"
        for name in asked:
            known = schema.attribute(name)
            if known is not None:
                chosen[known.name.lower()] = known.name
        found = {chosen[name]: self.values(entry, name) for name in chosen}
        return {name: values for name, values in found.items() if values}

    # -- computed attributes -------------------------------------------------------------------

    def _member_of(self, entry: Entry) -> list[bytes]:
        key = entry.dn.key
        return [
            str(group.dn).encode()
            for group in self.directory.groups()
            if any(names.parse(m.decode()).key == key for m in group.attributes["member"])
        ]

    def _member_of_chain(self, entry: Entry) -> list[bytes]:
        primary = f"{self.directory.domain_sid}-{entry.number('primaryGroupID')}"
        groups = self.directory.groups_of(entry)
        return [str(group.dn).encode() for group in groups if group.sid != primary]

    def _tokens(self, entry: Entry) -> list[bytes]:
        if entry.credentials is None:
            return []
        return [security.sid_bytes(g.sid) for g in self.directory.groups_of(entry) if g.sid]

    def _control(self, entry: Entry) -> list[bytes]:
        if entry.credentials is None:
            return []
        return [str(self.accounts.computed_control(entry, self.replica)).encode()]

    def _expiry(self, entry: Entry) -> list[bytes]:
        if entry.credentials is None:
            return []
        return [str(self.accounts.expiry(entry, self.replica)).encode()]

    def _last_set(self, entry: Entry) -> Sequence[bytes]:
        if entry.credentials is None:
            return entry.attributes.get("pwdlastset", ())
        return [str(self.accounts.last_set(entry, self.replica)).encode()]

    def _pso(self, entry: Entry) -> list[bytes]:
        if entry.credentials is None:
            return []
        found = self.accounts.settings_object(entry)
        return [str(found.dn).encode()] if found is not None else []

    def _canonical(self, entry: Entry) -> list[bytes]:
        above = [value for kind, value in entry.dn.rdns if kind.lower() != "dc"]
        return ["/".join([self.directory.domain, *reversed(above)]).encode()]

    def _descriptor(self, entry: Entry) -> list[bytes]:
        parts = 15 if self.sd_flags in (None, 0) else self.sd_flags
        assert parts is not None
        if parts & security.SACL_PART and not self.token.is_admin:
            return []
        if not self.directory.may(self.token, entry, security.READ_CONTROL):
            return []
        return [security.encode(entry.descriptor, self.directory.dacl(entry), parts)]

    def _writable(self, entry: Entry) -> list[bytes]:
        return [
            known.name.encode()
            for known in schema.ATTRIBUTES.values()
            if not known.owned
            and (known.of_users or entry.kind.guid != schema.USER_CLASS)
            and self.directory.may(self.token, entry, security.WRITE, known.rights_guids)
        ]

    def _creatable(self, entry: Entry) -> list[bytes]:
        if entry.kind.name not in ("organizationalUnit", "container", "domainDNS"):
            return []
        return [
            name.encode()
            for name in schema.SHOWN
            if self.directory.may(
                self.token, entry, security.CREATE_CHILD, {schema.CLASSES[name.lower()].guid}
            )
        ]

    def _sd_rights(self, entry: Entry) -> list[bytes]:
        rights = security.SACL_PART if self.token.is_admin else 0
        if self.directory.may(self.token, entry, security.WRITE_DACL):
            rights |= security.DACL_PART
        if self.directory.may(self.token, entry, security.WRITE_OWNER):
            rights |= security.OWNER_PART | security.GROUP_PART
        return [str(rights).encode()]


_COMPUTED: dict[str, Callable[[View, Entry], Sequence[bytes]]] = {
    "memberof": View._member_of,
    "memberof;in-chain": View._member_of_chain,
    "tokengroups": View._tokens,
    "msds-user-account-control-computed": View._control,
    "msds-userpasswordexpirytimecomputed": View._expiry,
    "pwdlastset": View._last_set,
    "msds-resultantpso": View._pso,
    "canonicalname": View._canonical,
    "ntsecuritydescriptor": View._descriptor,
    "allowedattributeseffective": View._writable,
    "allowedchildclasseseffective": View._creatable,
    "sdrightseffective": View._sd_rights,
}


def root(directory: Directory, token: Token | None, replica: int) -> dict[str, Sequence[bytes]]:
    """Return the rootDSE of one replica, with the caller's SIDs under tokenGroups."""
    base, configuration = str(directory.base), str(directory.configuration)
    name = f"dc{replica + 1}"
    sids = token.sids if token else (security.ANONYMOUS, security.EVERYONE, security.NETWORK)
    values: dict[str, Sequence[str]] = {
        "currentTime": [stamp(directory.now()).decode()],
        "dsServiceName": [
            f"CN=NTDS Settings,CN={name.upper()},CN=Servers,CN=Sites,{configuration}"
        ],
        "namingContexts": [base, configuration, f"CN=Schema,{configuration}"],
        "defaultNamingContext": [base],
        "rootDomainNamingContext": [base],
        "configurationNamingContext": [configuration],
        "schemaNamingContext": [f"CN=Schema,{configuration}"],
        "supportedControl": CONTROLS,
        "supportedLDAPVersion": ["3"],
        "highestCommittedUSN": [str(directory.usn)],
        "dnsHostName": [f"{name}.{directory.domain}"],
        "ldapServiceName": [f"{directory.domain}:{name}$@{directory.domain.upper()}"],
        "serverName": [f"CN={name.upper()},CN=Servers,CN=Sites,{configuration}"],
        "supportedCapabilities": [f"1.2.840.113556.1.4.{n}" for n in (800, 1670, 1791, 1935, 2080)],
        "isSynchronized": ["TRUE"],
        "isGlobalCatalogReady": ["TRUE"],
        "domainFunctionality": ["7"],
        "forestFunctionality": ["7"],
        "domainControllerFunctionality": ["7"],
    }
    found: dict[str, Sequence[bytes]] = {k: [v.encode() for v in vs] for k, vs in values.items()}
    found["tokenGroups"] = [security.sid_bytes(sid) for sid in sids]
    return found


def select_root(
    found: dict[str, Sequence[bytes]], wanted: Sequence[str]
) -> dict[str, Sequence[bytes]]:
    """Return the asked-for attributes of the rootDSE; tokenGroups only when it is named."""
    if list(wanted) == ["1.1"]:
        return {}
    asked = {name.lower() for name in wanted}
    everything = not asked or bool(asked & {"*", "+"})
    return {
        name: values
        for name, values in found.items()
        if name.lower() in asked or (everything and name != "tokenGroups")
    }
