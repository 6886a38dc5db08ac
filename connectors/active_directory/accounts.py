"""What the directory says about an account and its lockout policy, read over a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connectors.active_directory.errors import SYSTEM
from connectors.active_directory.models import AccountState, DirectoryUser, LockoutPolicy
from connectors.active_directory.names import (
    account_name,
    parent_of,
    prefix_filter,
    same_dn,
    user_filter,
)
from connectors.active_directory.session import Session
from connectors.active_directory.settings import DirectorySettings
from connectors.active_directory.values import Entry, generalized_time, interval
from connectors.errors import InvalidInput, NotFound, NotPermitted

# userAccountControl and msDS-User-Account-Control-Computed, MS-ADTS 2.2.16.
_DISABLED = 0x2
_LOCKED = 0x10
_NEVER_EXPIRES = 0x10000
_EXPIRED = 0x800000

_USER_ATTRIBUTES = (
    "sAMAccountName", "userPrincipalName", "description", "userAccountControl", "pwdLastSet",
    "whenCreated",
)  # fmt: skip
_ACCOUNT_ATTRIBUTES = (
    *_USER_ATTRIBUTES, "msDS-User-Account-Control-Computed", "accountExpires", "badPwdCount",
    "badPasswordTime", "lastLogon", "msDS-ResultantPSO",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """Where names are looked up."""

    base_dn: str
    domain: str


def names_of(settings: DirectorySettings) -> Names:
    """Return where names of this directory are looked up."""
    return Names(settings.base_dn, settings.domain)


def read_user(session: Session, dn: str, operation: str) -> DirectoryUser:
    """Read one user by DN; raise NotFound when it is not there."""
    return _user(session.read(dn, _USER_ATTRIBUTES, operation))


def find_user(
    session: Session, names: Names, username: str, operation: str
) -> DirectoryUser | None:
    """Look for one user by any form of its name."""
    entry = _find(session, names, username, _USER_ATTRIBUTES, operation)
    return _user(entry) if entry else None


def users_by_prefix(
    session: Session, container: str, prefix: str, operation: str
) -> tuple[DirectoryUser, ...]:
    """List the users directly in the container whose sAMAccountName starts with the prefix."""
    found, _ = session.search(
        container, prefix_filter(prefix), _USER_ATTRIBUTES, operation, "LEVEL"
    )
    return tuple(_user(entry) for entry in found if is_directly_in(entry, container, prefix))


def is_directly_in(entry: Entry, container: str, prefix: str) -> bool:
    """Say whether an entry is what was searched for.

    NOTE: what is found is deleted, so a search that let others through must not be believed.
    """
    name = entry.text("sAMAccountName") or ""
    inside = same_dn(parent_of(entry.dn), container)
    return inside and name.casefold().startswith(prefix.casefold())


def find_account(session: Session, names: Names, username: str, operation: str) -> Entry:
    """Return the entry of an account with all that is asked about it; raise NotFound."""
    entry = _find(session, names, username, _ACCOUNT_ATTRIBUTES, operation)
    if entry is None:
        raise NotFound(SYSTEM, operation, account=username, controller=session.where)
    return entry


def _find(
    session: Session, names: Names, username: str, attributes: tuple[str, ...], operation: str
) -> Entry | None:
    name = account_name(username, names.domain)
    if name.netbios and not _is_ours(session, names, name.netbios, operation):
        return None
    found, _ = session.search(names.base_dn, user_filter(name), attributes, operation)
    if len(found) > 1 and name.upn:
        # An explicit UPN wins over the implicit one, as it does for a sign-in.
        found = tuple(e for e in found if _same(e.text("userPrincipalName"), name.upn))
    if len(found) > 1:
        raise InvalidInput(
            SYSTEM,
            operation,
            account=username,
            matches=len(found),
            advice="Several accounts have this name; give the userPrincipalName of the one meant.",
        )
    return found[0] if found else None


def _is_ours(session: Session, names: Names, netbios: str, operation: str) -> bool:
    """Tell whether a NetBIOS name is this domain's; yes where the list of domains is closed to us."""
    root = session.read("", ("configurationNamingContext",), operation)
    partitions = f"CN=Partitions,{root.text('configurationNamingContext')}"
    try:
        found, _ = session.search(
            partitions, "(nETBIOSName=*)", ("nETBIOSName", "nCName"), operation, "LEVEL"
        )
    except (NotFound, NotPermitted, InvalidInput):
        return True
    ours = [e for e in found if same_dn(e.text("nCName") or names.base_dn, names.base_dn)]
    return not ours or any(_same(entry.text("nETBIOSName"), netbios) for entry in ours)


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.casefold() == other.casefold()


def _user(entry: Entry) -> DirectoryUser:
    return DirectoryUser(
        dn=entry.dn,
        username=entry.text("sAMAccountName") or "",
        upn=entry.text("userPrincipalName"),
        description=entry.text("description"),
        enabled=not _control(entry) & _DISABLED,
        password_last_set=entry.time("pwdLastSet"),
        created=generalized_time(entry.text("whenCreated")),
    )


def _control(entry: Entry) -> int:
    control = entry.number("userAccountControl")
    if control is None:
        raise NotPermitted(
            SYSTEM,
            "read account",
            dn=entry.dn,
            attribute="userAccountControl",
            advice="Let the reader read account restrictions: "
            f'dsacls "{entry.dn}" /G "READER:RP;Account Restrictions"',
        )
    return control


def state_of(entry: Entry, where: str) -> AccountState:
    """Return the account's state as this controller knows it."""
    control = _control(entry)
    computed = entry.number("msDS-User-Account-Control-Computed") or 0
    must_change = entry.number("pwdLastSet") == 0 and not control & _NEVER_EXPIRES
    return AccountState(
        dn=entry.dn,
        username=entry.text("sAMAccountName") or "",
        upn=entry.text("userPrincipalName"),
        enabled=not control & _DISABLED,
        locked=bool(computed & _LOCKED),
        # The directory sets this bit for a password that must be changed, too.
        password_expired=bool(computed & _EXPIRED) and not must_change,
        must_change_password=must_change,
        account_expires=entry.time("accountExpires"),
        password_last_set=entry.time("pwdLastSet"),
        bad_password_count=entry.number("badPwdCount") or 0,
        read_from=where,
        bad_password_at=entry.time("badPasswordTime"),
        signed_in_at=entry.time("lastLogon"),
    )


def policy_of(session: Session, names: Names, entry: Entry, operation: str) -> LockoutPolicy:
    """Return the lockout policy in force for the account: its password settings object's, or the domain's."""
    settings_object = entry.text("msDS-ResultantPSO")
    if settings_object:
        policy = _settings_object_policy(session, settings_object, operation)
        if policy:
            return policy
    domain = session.read(
        names.base_dn,
        ("lockoutThreshold", "lockOutObservationWindow", "lockoutDuration"),
        operation,
    )
    return LockoutPolicy(
        threshold=domain.number("lockoutThreshold") or 0,
        window=interval(domain.number("lockOutObservationWindow")) or timedelta(0),
        duration=interval(domain.number("lockoutDuration")),
        source="domain",
        certain=not settings_object,
    )


def _settings_object_policy(session: Session, dn: str, operation: str) -> LockoutPolicy | None:
    """Read a password settings object; None when the reader may not."""
    attributes = (
        "msDS-LockoutThreshold", "msDS-LockoutObservationWindow", "msDS-LockoutDuration",
    )  # fmt: skip
    try:
        entry = session.read(dn, attributes, operation)
    except (NotFound, NotPermitted):
        return None
    threshold = entry.number("msDS-LockoutThreshold")
    if threshold is None:
        return None
    return LockoutPolicy(
        threshold=threshold,
        window=interval(entry.number("msDS-LockoutObservationWindow")) or timedelta(0),
        duration=interval(entry.number("msDS-LockoutDuration")),
        source=dn,
    )
