"""Add, modify, delete and rename as a caller with limited rights, all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sandbox.active_directory import names, schema, security
from sandbox.active_directory.accounts import Accounts, start_account
from sandbox.active_directory.changes import Changes, check_values, claim, known_attribute
from sandbox.active_directory.directory import Directory, Entry
from sandbox.active_directory.messages import Change
from sandbox.active_directory.names import Dn
from sandbox.active_directory.passwords import unquote
from sandbox.active_directory.results import (
    ALREADY_EXISTS,
    CLASS_VIOLATION,
    NAMING_VIOLATION,
    NOT_ON_NON_LEAF,
    REFERRAL,
    UNWILLING,
    Refusal,
    no_right,
    no_such_object,
)
from sandbox.active_directory.security import Token


class Operations:
    """What changes the directory."""

    def __init__(self, directory: Directory, accounts: Accounts) -> None:
        self._directory = directory
        self._accounts = accounts

    def find(self, token: Token, name: str) -> Entry:
        """Return the entry that an operation names, when the caller may know of it."""
        dn = names.parse(name)
        if not dn.is_under(self._directory.base):
            text = f"RefErr: not in this domain\nref: '{self._directory.domain}'"
            raise Refusal(REFERRAL, "0000202B", text)
        entry = self._directory.get(dn)
        if not self._directory.may(token, entry, security.LIST):
            raise no_such_object(dn, dn.parent)
        return entry

    # -- add -----------------------------------------------------------------------------------

    def add(
        self, token: Token, name: str, given: Sequence[tuple[str, list[bytes]]], replica: int
    ) -> None:
        """Create an entry, with its password when one is given."""
        dn = names.parse(name)
        if len(dn.rdns) < 2:
            raise Refusal(NAMING_VIOLATION, "00002037", "NamErr: no parent in the name")
        parent = self.find(token, str(dn.parent))
        attributes = {attribute.lower(): values for attribute, values in given}
        kind = schema.class_named(attributes.pop("objectclass", []))
        if kind is None or kind.name not in schema.CREATABLE:
            raise Refusal(CLASS_VIOLATION, "00002014", "UpdErr: no class that may be created")
        what = f"create {kind.name} in {parent.dn}"
        self._directory.demand(token, parent, security.CREATE_CHILD, {kind.guid}, what)
        if dn.rdn[0].lower() != kind.rdn.lower():
            raise Refusal(
                NAMING_VIOLATION, "00002037", f"NamErr: {kind.name} is named by {kind.rdn}"
            )
        for attribute, values in attributes.items():
            check_values(known_attribute(attribute), values)
        if dn.key in self._directory.entries:
            raise Refusal(ALREADY_EXISTS, "00002071", f"UpdErr: the entry already exists: {dn}")
        owner = f"{self._directory.domain_sid}-512" if token.is_admin else token.own
        entry = self._directory.add(dn, kind.name, owner)
        try:
            self._fill(token, entry, attributes, replica)
        except Refusal:
            self._directory.remove(entry)
            raise

    def _fill(
        self, token: Token, entry: Entry, attributes: dict[str, list[bytes]], replica: int
    ) -> None:
        directory = self._directory
        password = attributes.pop("unicodepwd", None)
        control = attributes.pop("useraccountcontrol", None)
        for attribute in (entry.dn.rdn[0].lower(), "name"):
            attributes.pop(attribute, None)
        if entry.kind.name in ("user", "computer", "group"):
            given = attributes.pop("samaccountname", None)
            account = given[0].decode() if given else f"${entry.number('uSNCreated'):06X}-NEW"
            claim(directory, entry, account)
        if entry.kind.name == "group":
            entry.put("groupType", -2147483646)
            entry.put("sAMAccountType", 268435456)
        if entry.kind.name in ("user", "computer"):
            start_account(entry)
        changes = Changes(directory, self._accounts, token, entry, replica)
        for attribute, values in attributes.items():
            changes.put(attribute, values)
        changes.commit()
        if password is not None:
            if entry.credentials is None or len(password) != 1:
                raise Refusal(UNWILLING, "00002035", "SvcErr: no password here")
            self._accounts.reset(entry, unquote(password[0]), replica)
            if attributes.get("pwdlastset") == [b"0"]:
                entry.put("pwdLastSet", 0)
        if control is not None:
            changes = Changes(directory, self._accounts, token, entry, replica)
            changes.put("useraccountcontrol", control)
            changes.commit()

    # -- modify --------------------------------------------------------------------------------

    def modify(
        self, token: Token, name: str, wanted: Sequence[Change], replica: int, *, permissive: bool
    ) -> None:
        """Apply every change, or none."""
        entry = self.find(token, name)
        changes = Changes(self._directory, self._accounts, token, entry, replica)
        changes.demand_rights(wanted)
        changes.apply(wanted, permissive=permissive)
        changes.commit()
        self._directory.touch(entry)

    # -- delete --------------------------------------------------------------------------------

    def delete(self, token: Token, name: str, *, tree: bool) -> None:
        """Delete an entry; with ``tree`` also what is below it."""
        entry = self.find(token, name)
        self._demand_delete(token, entry, tree=tree)
        below = [one for one in self._directory.below(entry.dn) if one is not entry]
        if below and not tree:
            text = f"UpdErr: the entry has others below it: {entry.dn}"
            raise Refusal(NOT_ON_NON_LEAF, "00002015", text)
        for one in [*below, entry]:
            if one.text("isCriticalSystemObject") == "TRUE":
                raise Refusal(UNWILLING, "0000209A", f"SvcErr: a system object: {one.dn}")
        for one in [*below, entry]:
            self._directory.remove(one)

    def _demand_delete(self, token: Token, entry: Entry, *, tree: bool) -> None:
        directory = self._directory
        if tree and directory.may(token, entry, security.DELETE_TREE):
            return
        if directory.may(token, entry, security.DELETE) and not tree:
            return
        parent = directory.parent(entry)
        kinds: Collection = {entry.kind.guid}  # type: ignore[type-arg]
        if parent is None or tree or not directory.may(token, parent, security.DELETE_CHILD, kinds):
            raise no_right(f"delete {entry.dn}", "00000005")

    # -- rename --------------------------------------------------------------------------------

    def rename(self, token: Token, name: str, rdn: str, above: str | None) -> None:
        """Give an entry another name, and perhaps another parent."""
        directory = self._directory
        entry = self.find(token, name)
        own = names.parse(rdn)
        if len(own.rdns) != 1 or own.rdn[0].lower() != entry.kind.rdn.lower():
            raise Refusal(NAMING_VIOLATION, "00002037", "NamErr: not a name for this class")
        parent = directory.get(entry.dn.parent)
        target = self.find(token, above) if above is not None else parent
        if target.dn.is_under(entry.dn):
            raise Refusal(UNWILLING, "00002035", "SvcErr: below itself")
        if target is not parent:
            what = f"create {entry.kind.name} in {target.dn}"
            directory.demand(token, target, security.CREATE_CHILD, {entry.kind.guid}, what)
            self._demand_delete(token, entry, tree=False)
        for attribute in ("name", entry.kind.rdn):
            guids = known_attribute(attribute).rights_guids
            directory.demand(token, entry, security.WRITE, guids, f"rename {entry.dn}")
        directory.rename(entry, Dn((own.rdn, *target.dn.rdns)))
