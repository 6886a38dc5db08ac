"""The changes of one modify: rights first, then values, then the password, then all at once."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.active_directory import names, passwords, schema, security
from sandbox.active_directory.accounts import Accounts
from sandbox.active_directory.directory import (
    DISABLED,
    NORMAL,
    NOT_REQUIRED,
    Directory,
    Entry,
    filetime,
)
from sandbox.active_directory.filters import comparable
from sandbox.active_directory.messages import ADD_VALUES, DELETE_VALUES, REPLACE_VALUES, Change
from sandbox.active_directory.results import (
    ALREADY_EXISTS,
    CONSTRAINT_VIOLATION,
    INVALID_SYNTAX,
    NO_SUCH_ATTRIBUTE,
    NO_SUCH_OBJECT,
    NOT_ON_RDN,
    OTHER,
    PROTOCOL_ERROR,
    UNWILLING,
    VALUE_EXISTS,
    Refusal,
    no_right,
)
from sandbox.active_directory.schema import Attribute, Syntax
from sandbox.active_directory.security import Token

_PASSWORD = "unicodepwd"
_TYPE_BITS = 0x200 | 0x800 | 0x1000 | 0x2000
_LOCKED_BIT = 0x10
_COMPUTED_BITS = _LOCKED_BIT | 0x800000
_DELEGATION_BITS = 0x80000 | 0x1000000


def known_attribute(name: str) -> Attribute:
    """Return an attribute; raise result 16 when there is none of this name."""
    known = schema.attribute(name)
    if known is None:
        raise Refusal(NO_SUCH_ATTRIBUTE, "0000200A", f"AtrErr: unknown attribute: {name[:60]}")
    return known


def check_values(known: Attribute, values: Sequence[bytes]) -> None:
    """Raise unless the values have the attribute's form and number."""
    if known.single and len(values) > 1:
        text = f"AtrErr: several values for {known.name}"
        raise Refusal(CONSTRAINT_VIOLATION, "00002081", text)
    for value in values:
        if not value or comparable(known.syntax, value) is None:
            text = f"AtrErr: not a value for {known.name}"
            raise Refusal(INVALID_SYNTAX, "0000200B", text)


def claim(directory: Directory, entry: Entry, account: str) -> None:
    """Give an entry its sAMAccountName; raise result 68 when another has it."""
    forbidden = set('"/\\[]:;|=,+*?<>')
    if not account or forbidden & set(account) or (entry.kind.name == "user" and len(account) > 20):
        raise Refusal(OTHER, "00000523", "SysErr: not an account name")
    holder = directory.named("sAMAccountName", account)
    if holder is not None and holder is not entry:
        raise Refusal(ALREADY_EXISTS, "00002071", "UpdErr: another entry has this sAMAccountName")
    entry.put("sAMAccountName", account)


class Changes:
    """Changes to one entry, collected until ``commit``."""

    def __init__(
        self, directory: Directory, accounts: Accounts, token: Token, entry: Entry, replica: int
    ) -> None:
        self._directory = directory
        self._accounts = accounts
        self._token = token
        self._entry = entry
        self._replica = replica
        self._new: dict[str, list[bytes]] = {}
        self._rules = {
            "useraccountcontrol": self._control,
            "pwdlastset": self._last_set,
            "lockouttime": self._lockout,
            "userprincipalname": self._principal,
            "samaccountname": self._account,
            "member": self._member,
        }

    # -- rights --------------------------------------------------------------------------------

    def demand_rights(self, wanted: Sequence[Change]) -> None:
        """Raise result 50 unless the caller may make every one of the changes."""
        kinds = {kind for kind, name, _ in wanted if name.lower() == _PASSWORD}
        for _, name, _ in wanted:
            known = known_attribute(name)
            if known.name.lower() != _PASSWORD:
                what = f"write {known.name} of {self._entry.dn}"
                right, guids = security.WRITE, known.rights_guids
            elif REPLACE_VALUES in kinds:
                what = f"reset the password of {self._entry.dn}"
                right, guids = security.CONTROL, frozenset({schema.RESET_PASSWORD})
            else:
                what = f"change the password of {self._entry.dn}"
                right, guids = security.CONTROL, frozenset({schema.CHANGE_PASSWORD})
            self._directory.demand(self._token, self._entry, right, guids, what)

    # -- values --------------------------------------------------------------------------------

    def apply(self, wanted: Sequence[Change], *, permissive: bool) -> None:
        """Work the changes out; a password among them is set last, and may still be refused."""
        secret = [(kind, values) for kind, name, values in wanted if name.lower() == _PASSWORD]
        for kind, name, values in wanted:
            if name.lower() != _PASSWORD:
                self._one(kind, known_attribute(name), values, permissive=permissive)
        if secret:
            self._set_password(secret)

    def _one(self, kind: int, known: Attribute, values: list[bytes], *, permissive: bool) -> None:
        low = known.name.lower()
        if low in (self._entry.dn.rdn[0].lower(), "name"):
            raise Refusal(NOT_ON_RDN, "00002016", f"UpdErr: {known.name} is the entry's name")
        if known.owned or known.syntax is Syntax.CLASS or low == "ntsecuritydescriptor":
            text = f"SvcErr: {known.name} is the directory's own"
            raise Refusal(UNWILLING, "0000209A", text)
        check_values(known, values)
        had = self._new.get(low, self._entry.attributes.get(low, []))
        if kind == REPLACE_VALUES:
            now = values
        elif kind == ADD_VALUES:
            now = self._added(known, had, values, permissive=permissive)
        elif kind == DELETE_VALUES:
            now = self._deleted(known, had, values, permissive=permissive)
        else:
            raise Refusal(PROTOCOL_ERROR, "00000057", "LdapErr: unknown kind of change")
        self.put(low, now)

    @staticmethod
    def _added(
        known: Attribute, had: list[bytes], values: list[bytes], *, permissive: bool
    ) -> list[bytes]:
        keys = [comparable(known.syntax, one) for one in had]
        fresh = [one for one in values if comparable(known.syntax, one) not in keys]
        if len(fresh) < len(values) and not permissive:
            # A second membership has a code of its own: SAM answers for groups.
            text = f"AtrErr: {known.name} already has this value"
            code = ALREADY_EXISTS if known.name == "member" else VALUE_EXISTS
            raise Refusal(code, "00000562" if known.name == "member" else "00002083", text)
        check_values(known, [*had, *fresh])
        return [*had, *fresh]

    @staticmethod
    def _deleted(
        known: Attribute, had: list[bytes], values: list[bytes], *, permissive: bool
    ) -> list[bytes]:
        if not had and not permissive:
            raise Refusal(NO_SUCH_ATTRIBUTE, "0000200A", f"AtrErr: no {known.name} to delete")
        gone = [comparable(known.syntax, one) for one in values]
        kept = [one for one in had if comparable(known.syntax, one) not in gone] if values else []
        if values and len(kept) > len(had) - len(values) and not permissive:
            if known.name == "member":
                raise Refusal(UNWILLING, "00000561", "SvcErr: not a member")
            raise Refusal(NO_SUCH_ATTRIBUTE, "00002085", f"AtrErr: no such value of {known.name}")
        return kept

    def put(self, name: str, values: list[bytes]) -> None:
        """Collect the new values of one attribute, after the rules that some of them have."""
        known = known_attribute(name)
        rule = self._rules.get(known.name.lower())
        if rule is not None:
            values = rule(values)
        self._new[known.name.lower()] = values

    def commit(self) -> None:
        """Write what was collected."""
        for name, values in self._new.items():
            if name == "samaccountname":
                continue
            if values:
                self._entry.attributes[name] = values
            else:
                self._entry.attributes.pop(name, None)
        if self._new.get("lockouttime") == [b"0"]:
            self._accounts.forget_failures(self._entry)
        if "samaccountname" in self._new:
            self._entry.attributes["samaccountname"] = self._new["samaccountname"]
        self._new.clear()

    # -- rules of single attributes ------------------------------------------------------------

    def _control(self, values: list[bytes]) -> list[bytes]:
        if not values:
            raise Refusal(UNWILLING, "0000209A", "SvcErr: userAccountControl has to stay")
        wanted = int(values[0]) & ~_COMPUTED_BITS
        if not wanted & _TYPE_BITS:
            wanted |= NORMAL
        had = self._entry.number("userAccountControl")
        if (wanted ^ had) & _DELEGATION_BITS and not self._token.is_admin:
            raise no_right("trust an account for delegation")
        open_account = not wanted & (DISABLED | NOT_REQUIRED)
        if (
            open_account
            and had & (DISABLED | NOT_REQUIRED)
            and not self._accounts.has_password(self._entry)
        ):
            text = "SvcErr: an enabled account needs a password that the policy accepts"
            raise Refusal(UNWILLING, passwords.POLICY, text)
        if not int(values[0]) & _LOCKED_BIT and self._entry.number("lockoutTime"):
            # A value without the lockout bit unlocks (MS-SAMR 3.1.1.8.10; seen on Samba).
            self._new["lockouttime"] = [b"0"]
        return [str(wanted).encode()]

    def _last_set(self, values: list[bytes]) -> list[bytes]:
        if values == [b"0"]:
            return values
        if values == [b"-1"]:
            return [str(filetime(self._directory.now())).encode()]
        raise Refusal(UNWILLING, "00000057", "SvcErr: pwdLastSet takes 0 or -1")

    def _lockout(self, values: list[bytes]) -> list[bytes]:
        if values not in ([b"0"], []):
            raise Refusal(UNWILLING, "00000057", "SvcErr: lockoutTime takes 0")
        return [b"0"]

    def _principal(self, values: list[bytes]) -> list[bytes]:
        holder = self._directory.named("userPrincipalName", values[0].decode()) if values else None
        if holder is not None and holder is not self._entry:
            text = "AtrErr: another account has this userPrincipalName"
            raise Refusal(CONSTRAINT_VIOLATION, "0000202F", text)
        return values

    def _account(self, values: list[bytes]) -> list[bytes]:
        if not values:
            raise Refusal(UNWILLING, "0000209A", "SvcErr: sAMAccountName has to stay")
        before = self._entry.attributes["samaccountname"]
        claim(self._directory, self._entry, values[0].decode())
        self._entry.attributes["samaccountname"] = before
        return values

    def _member(self, values: list[bytes]) -> list[bytes]:
        for value in values:
            if names.parse(value.decode()).key not in self._directory.entries:
                raise Refusal(NO_SUCH_OBJECT, "00002030", "NameErr: no such member")
        return values

    # -- password ------------------------------------------------------------------------------

    def _set_password(self, wanted: list[tuple[int, list[bytes]]]) -> None:
        if self._entry.credentials is None:
            raise Refusal(UNWILLING, "00002035", "SvcErr: not an account")
        shape = [(kind, len(values)) for kind, values in wanted]
        if shape == [(REPLACE_VALUES, 1)]:
            self._accounts.reset(self._entry, passwords.unquote(wanted[0][1][0]), self._replica)
        elif sorted(shape) == [(ADD_VALUES, 1), (DELETE_VALUES, 1)]:
            given = {kind: passwords.unquote(values[0]) for kind, values in wanted}
            old, new = given[DELETE_VALUES], given[ADD_VALUES]
            self._accounts.change(self._entry, old, new, self._replica)
        else:
            raise Refusal(UNWILLING, "00002035", "SvcErr: neither a reset nor a change")
