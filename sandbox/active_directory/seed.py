"""The first state of the domain, built from the configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.active_directory import names, passwords, schema, security
from sandbox.active_directory import sddl as text
from sandbox.active_directory.accounts import Accounts, start_account
from sandbox.active_directory.directory import (
    DISABLED,
    NO_EXPIRY,
    NORMAL,
    Directory,
    Entry,
    filetime,
)
from sandbox.active_directory.names import Dn
from sandbox.active_directory.security import Ace

Config = dict[str, Any]
DAY = 86400.0
RIGHTS = ("create users", "delete users", "reset passwords", "write user attributes")


class Seed:
    """Fills one directory."""

    def __init__(self, directory: Directory, accounts: Accounts) -> None:
        self._directory = directory
        self._accounts = accounts
        self._admins = f"{directory.domain_sid}-512"

    def run(self, config: Config) -> None:
        """Build the domain with everything that the configuration asks for."""
        self._domain(config)
        self._administrator(config["administrator"])
        units = [self.place(name) for name in config.get("organizational_units", [])]
        for dn in sorted(units, key=lambda one: len(one.rdns)):
            self.unit(str(dn))
        for user in config.get("users", []):
            self.user(user)
        for group in config.get("groups", []):
            self.group(group)
        for settings in config.get("password_settings", []):
            self.password_settings(settings)
        for delegation in config.get("delegations", []):
            self.delegate(**delegation)
        for entries in config.get("access_entries", []):
            self.add_entries(**entries)

    def place(self, relative: str) -> Dn:
        """Return the DN of a container that is written relative to the domain, or in full."""
        dn = names.parse(relative)
        return dn if dn.is_under(self._directory.base) else Dn(dn.rdns + self._directory.base.rdns)

    def unit(self, name: str) -> None:
        """Add an organizational unit."""
        self._directory.add(self.place(name), "organizationalUnit", self._admins)

    def find(self, name: str) -> Entry:
        """Return a user or group by sAMAccountName or any name that signs in."""
        found = self._directory.named("sAMAccountName", name) or self._directory.account(name)
        if found is None:
            raise LookupError(f"no account {name}")
        return found

    def _domain(self, config: Config) -> None:
        directory, admins = self._directory, self._admins
        base, configuration = directory.base, directory.configuration
        domain = directory.add(base, "domainDNS", admins, directory.domain_sid)
        domain.descriptor.aces = [
            Ace(admins, security.FULL, security.INHERIT),
            Ace(security.ADMINISTRATORS, security.FULL, security.INHERIT),
            Ace(security.AUTHENTICATED, 0x20094, security.INHERIT),
        ]
        top = directory.add(configuration, "container", admins)
        top.descriptor.aces = list(domain.descriptor.aces)
        self._policy(domain, config)
        for kind, name in (
            ("CN", "Users"),
            ("CN", "Builtin"),
            ("CN", "System"),
            ("CN", "Computers"),
        ):
            directory.add(base.child(kind, name), "container", admins)
        directory.add(base.child("OU", "Domain Controllers"), "organizationalUnit", admins)
        settings = base.child("CN", "System").child("CN", "Password Settings Container")
        holder = directory.add(settings, "msDS-PasswordSettingsContainer", admins)
        # Others may see that a policy object is there; what it says is for administrators only.
        holder.descriptor.protected = True
        seen = Ace(security.AUTHENTICATED, security.LIST, security.INHERIT)
        holder.descriptor.aces = [*domain.descriptor.aces[:2], seen]
        definitions = directory.add(configuration.child("CN", "Schema"), "container", admins)
        for known in schema.CLASSES.values():
            dn = definitions.dn.child("CN", known.schema_name)
            entry = directory.add(dn, "classSchema", admins, lDAPDisplayName=known.name)
            entry.put("schemaIDGUID", known.guid.bytes_le)
            if known.default:
                entry.put("defaultSecurityDescriptor", known.default)
        partitions = directory.add(configuration.child("CN", "Partitions"), "container", admins)
        cross = partitions.dn.child("CN", directory.netbios)
        directory.add(
            cross, "crossRef", admins, nCName=str(base), nETBIOSName=directory.netbios,
            dnsRoot=directory.domain,
        )  # fmt: skip

    def _policy(self, domain: Entry, config: Config) -> None:
        domain.put("lockoutThreshold", int(config.get("lockout_threshold", 0)))
        for name, key, default in (
            ("lockoutDuration", "lockout_duration", 1800),
            ("maxPwdAge", "maximum_password_age", 42 * DAY),
        ):
            domain.put(name, passwords.ticks(float(config.get(key, default))))
        for name, key, default in (
            ("lockOutObservationWindow", "lockout_window", 1800),
            ("minPwdAge", "minimum_password_age", 0),
        ):
            domain.put(name, -int(float(config.get(key, default)) * 10_000_000))
        domain.put("minPwdLength", int(config.get("min_password_length", 7)))
        domain.put("pwdHistoryLength", int(config.get("password_history", 24)))
        domain.put("nTMixedDomain", 0)
        domain.put("ms-DS-MachineAccountQuota", 10)
        domain.put("pwdProperties", 1 if config.get("complexity", True) else 0)
        self._accounts.grace = 60.0 * float(config.get("old_password_allowed_minutes", 60))

    def _administrator(self, config: Config) -> None:
        directory = self._directory
        users, builtin = directory.base.child("CN", "Users"), directory.base.child("CN", "Builtin")
        name = config["username"].partition("@")[0].rpartition("\\")[2]
        user = self._account(users.child("CN", name), name, f"{directory.domain_sid}-500")
        user.put("isCriticalSystemObject", "TRUE")
        user.credentials = passwords.Credentials()
        user.credentials.set(config["password"], directory.now(), None)
        user.put("pwdLastSet", filetime(directory.now()))
        user.put("userAccountControl", NORMAL | NO_EXPIRY)
        groups = {"Domain Admins": "512", "Domain Users": "513", "Schema Admins": "518"}
        groups |= {"Enterprise Admins": "519"}
        for group, rid in groups.items():
            members = [] if rid == "513" else [str(user.dn)]
            self._group(users.child("CN", group), f"{directory.domain_sid}-{rid}", members)
        members = [str(user.dn), str(users.child("CN", "Domain Admins"))]
        self._group(builtin.child("CN", "Administrators"), security.ADMINISTRATORS, members)
        # As AdminSDHolder keeps it: nothing is inherited, operators have no right here.
        user.descriptor.protected = True
        user.descriptor.aces = [
            *directory.get(directory.base).descriptor.aces,
            Ace(security.EVERYONE, security.CONTROL, object_type=schema.CHANGE_PASSWORD),
        ]
        everyone = [str(users.child("CN", "Domain Users"))]
        self._group(builtin.child("CN", "Account Operators"), security.OPERATORS, [])
        self._group(builtin.child("CN", "Users"), security.USERS, everyone)

    def _account(self, dn: Dn, username: str, sid: str | None = None) -> Entry:
        user = self._directory.add(dn, "user", self._admins, sid)
        start_account(user)
        user.put("sAMAccountName", username)
        user.put("userPrincipalName", f"{username}@{self._directory.domain}")
        return user

    def _group(self, dn: Dn, sid: str | None, members: Iterable[str]) -> Entry:
        group = self._directory.add(dn, "group", self._admins, sid)
        group.put("sAMAccountName", dn.rdn[1])
        group.put("groupType", -2147483646)
        group.put("sAMAccountType", 268435456)
        if members:
            group.put("member", *members)
        return group

    def user(self, config: Config) -> Entry:
        """Add a user as the configuration describes it."""
        username = config["username"]
        place = self.place(config.get("container", "CN=Users"))
        self._directory.get(place)
        user = self._account(place.child("CN", str(config.get("cn", username))), username)
        for key, attribute in (("upn", "userPrincipalName"), ("display_name", "displayName"),
                               ("description", "description")):  # fmt: skip
            if config.get(key) is not None:
                user.put(attribute, config[key])
        if config.get("password") is not None:
            now = self._directory.now()
            assert user.credentials is not None
            user.credentials.set(config["password"], now, None)
            user.put("pwdLastSet", 0 if config.get("must_change") else filetime(now))
        control = NORMAL | (0 if config.get("enabled", True) else DISABLED)
        control |= NO_EXPIRY if config.get("password_never_expires") else 0
        user.put("userAccountControl", control)
        return user

    def group(self, config: Config) -> Entry:
        """Add a group; members are users and groups that are already there."""
        place = self.place(config.get("container", "CN=Users"))
        members = [str(self.find(name).dn) for name in config.get("members", [])]
        return self._group(place.child("CN", config["name"]), None, members)

    def password_settings(self, config: Config) -> Entry:
        """Add a password settings object (PSO) for users or groups."""
        holder = self.place("CN=Password Settings Container,CN=System")
        names_ = config.get("applies_to", [])
        targets = [names_] if isinstance(names_, str) else names_
        pso = self._directory.add(
            holder.child("CN", config["name"]), "msDS-PasswordSettings", self._admins
        )
        pso.put("msDS-PSOAppliesTo", *(str(self.find(name).dn) for name in targets))
        pso.put("msDS-PasswordSettingsPrecedence", int(config.get("precedence", 1)))
        pso.put("msDS-LockoutThreshold", int(config.get("lockout_threshold", 0)))
        pso.put(
            "msDS-LockoutDuration", passwords.ticks(float(config.get("lockout_duration", 1800)))
        )
        window = float(config.get("lockout_window", 1800))
        pso.put("msDS-LockoutObservationWindow", -int(window * 10_000_000))
        age = float(config.get("maximum_password_age", 42 * DAY))
        pso.put("msDS-MaximumPasswordAge", passwords.ticks(age))
        young = float(config.get("minimum_password_age", 0))
        pso.put("msDS-MinimumPasswordAge", -int(young * 10_000_000))
        pso.put("msDS-MinimumPasswordLength", int(config.get("min_password_length", 7)))
        pso.put("msDS-PasswordHistoryLength", int(config.get("password_history", 24)))
        pso.put(
            "msDS-PasswordComplexityEnabled", "TRUE" if config.get("complexity", True) else "FALSE"
        )
        pso.put("msDS-PasswordReversibleEncryptionEnabled", "FALSE")
        return pso

    def delegate(self, trustee: str, container: str, rights: list[str]) -> None:
        """Give a user or group rights on the users of a container and below."""
        entry = self._directory.get(self.place(container))
        entry.descriptor.aces += self.aces(trustee, rights)

    def revoke(self, trustee: str, container: str, rights: list[str]) -> None:
        """Take rights away again."""
        entry = self._directory.get(self.place(container))
        gone = self.aces(trustee, rights)
        entry.descriptor.aces = [ace for ace in entry.descriptor.aces if ace not in gone]

    def add_entries(
        self, container: str, sddl: str, trustee: str | None = None, *, protect: bool = False
    ) -> None:
        """Add entries, written as SDDL, to a container; ``{sid}`` in it is the trustee's.

        Denials go before what allows, as Windows' own tools order them. ``protect`` lets the container
        inherit nothing any more, and keep nothing of what it inherited.
        """
        descriptor = self._directory.get(self.place(container)).descriptor
        sid = self.find(trustee).sid if trustee else None
        added = text.read(sddl.format(sid=sid), self._directory.domain_sid)
        descriptor.aces = sorted([*descriptor.aces, *added], key=lambda ace: ace.allow)
        descriptor.protected = descriptor.protected or protect

    def aces(self, trustee: str, rights: list[str]) -> list[Ace]:
        """Return the ACEs of rights by their names; raise ValueError for one that is unknown."""
        unknown = set(rights) - set(RIGHTS)
        sid = self.find(trustee).sid
        if unknown or sid is None:
            raise ValueError(f"unknown rights or trustee: {sorted(unknown)}")
        inherit, below = security.INHERIT, security.INHERIT | security.INHERIT_ONLY
        user = schema.USER_CLASS
        made = {
            "create users": Ace(sid, security.CREATE_CHILD, inherit, user),
            "delete users": Ace(sid, security.DELETE_CHILD, inherit, user),
            "reset passwords": Ace(sid, security.CONTROL, below, schema.RESET_PASSWORD, user),
            "write user attributes": Ace(
                sid, security.READ | security.WRITE, below, applies_to=user
            ),
        }
        return [made[right] for right in RIGHTS if right in rights]
