"""The life of an account: policy in force, lockout, expiry, and what a sign-in comes to."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.active_directory import names, passwords, results
from sandbox.active_directory.directory import (
    DISABLED,
    NEVER,
    NO_EXPIRY,
    NORMAL,
    NOT_REQUIRED,
    Directory,
    Entry,
    filetime,
    seconds_of,
)
from sandbox.active_directory.passwords import Match, Policy

_LOCKED_FLAG, _EXPIRED_FLAG = 0x10, 0x800000
_NEVER_EXPIRES = NO_EXPIRY | 0x40000 | 0x800 | 0x1000 | 0x2000  # or smart card, or a trust account
_ADMINISTRATOR = "-500"


@dataclass(frozen=True)
class SignIn:
    """What one sign-in would come to. ``data`` is AD's sub-code, None for success."""

    data: str | None
    match: Match
    locked: bool = False


class Accounts:
    """The rules that turn attributes and passwords into yes or no."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.lag = 0.0
        self.grace = 3600.0  # how long n-1 signs in, in seconds

    # -- policy --------------------------------------------------------------------------------

    def settings_object(self, user: Entry) -> Entry | None:
        """Return the password settings object in force for an account; None when there is none."""
        own, groups = [], []
        member_of = {group.dn.key for group in self._directory.groups_of(user)}
        for entry in self._directory.entries.values():
            if entry.kind.name != "msDS-PasswordSettings":
                continue
            targets = {
                names.parse(v.decode()).key for v in entry.attributes.get("msds-psoappliesto", [])
            }
            if user.dn.key in targets:
                own.append(entry)
            elif targets & member_of:
                groups.append(entry)
        ranked = own or groups
        return min(ranked, key=lambda e: e.number("msDS-PasswordSettingsPrecedence"), default=None)

    def policy(self, user: Entry) -> Policy:
        """Return the policy in force for an account."""
        pso = self.settings_object(user)
        if pso is not None:
            return Policy(
                pso.number("msDS-LockoutThreshold"),
                passwords.span(pso.number("msDS-LockoutObservationWindow")) or 0.0,
                passwords.span(pso.number("msDS-LockoutDuration")),
                passwords.span(pso.number("msDS-MaximumPasswordAge")),
                passwords.span(pso.number("msDS-MinimumPasswordAge")) or 0.0,
                pso.number("msDS-MinimumPasswordLength"),
                pso.number("msDS-PasswordHistoryLength"),
                pso.text("msDS-PasswordComplexityEnabled") == "TRUE",
            )
        domain = self._directory.get(self._directory.base)
        return Policy(
            domain.number("lockoutThreshold"),
            passwords.span(domain.number("lockOutObservationWindow")) or 0.0,
            passwords.span(domain.number("lockoutDuration")),
            passwords.span(domain.number("maxPwdAge")),
            passwords.span(domain.number("minPwdAge")) or 0.0,
            domain.number("minPwdLength"),
            domain.number("pwdHistoryLength"),
            bool(domain.number("pwdProperties") & 1),
        )

    # -- state ---------------------------------------------------------------------------------

    def is_locked(self, user: Entry) -> bool:
        """Whether the account is locked out now."""
        since = user.number("lockoutTime")
        if not since:
            return False
        duration = self.policy(user).duration
        return duration is None or self._directory.now() < seconds_of(since) + duration

    def is_enabled(self, user: Entry) -> bool:
        """Whether the account is enabled."""
        return not user.number("userAccountControl") & DISABLED

    def last_set(self, user: Entry, replica: int) -> int:
        """Return pwdLastSet as one replica knows it."""
        newest = user.number("pwdLastSet")
        versions = user.credentials.versions if user.credentials else []
        seen = self._seen(user, replica)
        return newest if len(seen) == len(versions) or not seen else filetime(seen[-1].at)

    def expiry(self, user: Entry, replica: int) -> int:
        """Return when the password expires: 0 must be changed first, NEVER never."""
        if user.number("userAccountControl") & _NEVER_EXPIRES:
            return NEVER
        since = self.last_set(user, replica)
        if since == 0:
            return 0
        age = self.policy(user).maximum_age
        return NEVER if age is None else since + int(age * 10_000_000)

    def computed_control(self, user: Entry, replica: int) -> int:
        """Return msDS-User-Account-Control-Computed."""
        flags = _LOCKED_FLAG if self.is_locked(user) else 0
        expired = self.expiry(user, replica) < filetime(self._directory.now())
        return flags | (_EXPIRED_FLAG if expired else 0)

    def has_expired(self, user: Entry) -> bool:
        """Whether the account itself, not its password, has expired."""
        until = user.number("accountExpires", NEVER)
        return until not in (0, NEVER) and until <= filetime(self._directory.now())

    # -- signing in ----------------------------------------------------------------------------

    def _seen(self, user: Entry, replica: int) -> list[passwords.Version]:
        if user.credentials is None:
            return []
        return user.credentials.seen(replica, self._directory.now(), self.lag)

    def judge(self, user: Entry, proof: bytes, replica: int = 0) -> SignIn:
        """Say what a sign-in with a password of this digest comes to; change nothing."""
        versions = self._seen(user, replica)
        match = passwords.match(versions, proof, self._directory.now(), self.grace)
        if not versions and self.has_password(user):
            # The account itself has not reached this replica: an unknown user, nothing to count.
            return SignIn(results.WRONG_PASSWORD, Match.OLDER)
        if self.is_locked(user):
            return SignIn(results.LOCKED, match, locked=True)
        if match not in (Match.CURRENT, Match.PREVIOUS):
            return SignIn(results.WRONG_PASSWORD, match)
        if not self.is_enabled(user):
            return SignIn(results.DISABLED, match)
        if self.has_expired(user):
            return SignIn(results.ACCOUNT_EXPIRED, match)
        expiry = self.expiry(user, replica)
        if expiry == 0:
            return SignIn(results.MUST_CHANGE, match)
        if expiry <= filetime(self._directory.now()):
            return SignIn(results.PASSWORD_EXPIRED, match)
        return SignIn(None, match)

    def sign_in(self, user: Entry, password: str, replica: int) -> SignIn:
        """Sign in once, with all that this does to the account's counters."""
        answer = self.judge(user, passwords.digest(password), replica)
        if answer.locked:
            return answer
        now = filetime(self._directory.now())
        if answer.match is Match.NONE:
            self.count_failure(user, replica)
        elif answer.data is None:
            user.counters[replica, "badpwdcount"] = 0
            user.attributes.pop("lockouttime", None)
            user.counters[replica, "lastlogon"] = now
            user.counters[replica, "logoncount"] = self.counter(user, "logoncount", replica) + 1
            user.put("lastLogonTimestamp", now)
        return answer

    @staticmethod
    def counter(user: Entry, name: str, replica: int) -> int:
        """Return what one domain controller counts for itself."""
        return user.counters.get((replica, name), 0)

    def count_failure(self, user: Entry, replica: int) -> None:
        """Count one wrong password; the one that reaches the threshold locks the account."""
        now = self._directory.now()
        policy = self.policy(user)
        since = self.counter(user, "badpasswordtime", replica)
        fresh = since and now < seconds_of(since) + policy.window
        count = self.counter(user, "badpwdcount", replica) + 1 if fresh else 1
        user.counters[replica, "badpwdcount"] = count
        user.counters[replica, "badpasswordtime"] = filetime(now)
        exempt = (user.sid or "").endswith(_ADMINISTRATOR)
        if policy.threshold and count >= policy.threshold and not exempt:
            user.put("lockoutTime", filetime(now))

    def unlock(self, user: Entry) -> None:
        """Unlock an account, as writing 0 to lockoutTime does."""
        user.put("lockoutTime", 0)
        self.forget_failures(user)

    @staticmethod
    def forget_failures(user: Entry) -> None:
        """Start counting wrong passwords from 0 again, on every domain controller."""
        for replica, name in list(user.counters):
            if name == "badpwdcount":
                user.counters[replica, name] = 0

    # -- new passwords -------------------------------------------------------------------------

    def reset(self, user: Entry, new: str, replica: int | None) -> None:
        """Set a password as somebody with the right to reset it; neither history nor age matter."""
        policy = self.policy(user)
        account = user.text("sAMAccountName") or ""
        passwords.demand_quality(new, policy, account, user.text("displayName"))
        self._store(user, new, replica)

    def change(self, user: Entry, old: str, new: str, replica: int) -> None:
        """Change a password as somebody who knows the old one; a wrong one is counted."""
        if self.is_locked(user):
            text = "AtrErr: the account is locked out"
            raise results.Refusal(results.CONSTRAINT_VIOLATION, passwords.LOCKED_OUT, text)
        policy = self.policy(user)
        versions = self._seen(user, replica)
        try:
            passwords.demand_change(versions, old, new, policy, self._directory.now())
        except results.Refusal as refusal:
            if refusal.result.data == passwords.WRONG_OLD:
                self.count_failure(user, replica)  # n-1 counts here, unlike in a sign-in
            raise
        account = user.text("sAMAccountName") or ""
        passwords.demand_quality(new, policy, account, user.text("displayName"))
        self._store(user, new, replica)

    def _store(self, user: Entry, new: str, replica: int | None) -> None:
        now = self._directory.now()
        if user.credentials is None:
            user.credentials = passwords.Credentials()
        user.credentials.set(new, now, replica)
        user.put("pwdLastSet", filetime(now))

    def has_password(self, user: Entry) -> bool:
        """Whether a password was ever set."""
        return bool(user.credentials and user.credentials.versions)


def start_account(entry: Entry) -> None:
    """Give a new account the attributes that the directory itself keeps; disabled, no password."""
    entry.credentials = passwords.Credentials()
    entry.put("userAccountControl", NORMAL | NOT_REQUIRED | DISABLED)
    entry.put("sAMAccountType", 805306368)
    entry.put("primaryGroupID", 513)
    entry.put("accountExpires", NEVER)
    for name in ("badPwdCount", "badPasswordTime", "lastLogon", "lastLogoff", "logonCount"):
        entry.put(name, 0)
    for name in ("codePage", "countryCode", "pwdLastSet"):
        entry.put(name, 0)
