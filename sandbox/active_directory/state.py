"""What a test may ask about the directory, and the commands that set a scene. Never shows a password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox.active_directory.accounts import Accounts
from sandbox.active_directory.directory import DISABLED, Directory, Entry, filetime
from sandbox.active_directory.seed import DAY, Seed

_POLICY = {
    "lockout_threshold": ("lockoutThreshold", 1),
    "lockout_window": ("lockOutObservationWindow", -10_000_000),
    "lockout_duration": ("lockoutDuration", -10_000_000),
    "maximum_password_age": ("maxPwdAge", -10_000_000),
    "minimum_password_age": ("minPwdAge", -10_000_000),
    "min_password_length": ("minPwdLength", 1),
    "password_history": ("pwdHistoryLength", 1),
    "complexity": ("pwdProperties", 1),
}
_ZERO_MEANS_NEVER = {"lockout_duration", "maximum_password_age"}


class State:
    """The side door's view of one directory."""

    def __init__(self, directory: Directory, accounts: Accounts, seed: Seed) -> None:
        self._directory, self._accounts, self._seed = directory, accounts, seed
        self._commands: dict[str, Callable[..., Any]] = {
            "set_password": self._set_password,
            "lock": self._lock,
            "unlock": lambda username: accounts.unlock(self._user(username)),
            "disable": lambda username: self._switch(username, on=False),
            "enable": lambda username: self._switch(username, on=True),
            "set_enabled": lambda username, enabled: self._switch(username, on=enabled),
            "expire_password": self._expire_password,
            "age_password": self._age_password,
            "must_change": lambda username: self._user(username).put("pwdLastSet", 0),
            "expire_account": self._expire_account,
            "add_user": lambda **config: {"dn": str(seed.user(config).dn)},
            "add_group": lambda **config: {"dn": str(seed.group(config).dn)},
            "add_password_settings": lambda **config: {
                "dn": str(seed.password_settings(config).dn)
            },
            "delegate": seed.delegate,
            "revoke": seed.revoke,
            "add_entries": seed.add_entries,
            "add_organizational_unit": seed.unit,
            "set_policy": self._set_policy,
            "set_lag": self._set_lag,
            "would_sign_in": self._would_sign_in,
        }

    def change(self, command: dict[str, Any]) -> Any:
        """Run one command: ``do`` names it, the rest are its arguments."""
        arguments = dict(command)
        name = arguments.pop("do")
        if name not in self._commands:
            raise ValueError(f"no command {name}; there are {sorted(self._commands)}")
        answer = self._commands[name](**arguments)
        return answer if answer is not None else {}

    def show(self) -> dict[str, Any]:
        """Return accounts by sAMAccountName, the policy, and the replication lag."""
        users = {
            str(user.text("sAMAccountName")): self._show(user) for user in self._directory.users()
        }
        domain = self._directory.get(self._directory.base)
        policy = {key: domain.number(name) / unit for key, (name, unit) in _POLICY.items()}
        return {"users": users, "policy": policy, "lag": self._accounts.lag}

    def _show(self, user: Entry) -> dict[str, Any]:
        versions = user.credentials.versions if user.credentials else []
        return {
            "dn": str(user.dn),
            "upn": user.text("userPrincipalName"),
            "description": user.text("description"),
            "enabled": self._accounts.is_enabled(user),
            "locked": self._accounts.is_locked(user),
            "bad_password_count": self._accounts.counter(user, "badpwdcount", 0),
            "bad_password_counts": {
                f"dc{replica + 1}": count
                for (replica, name), count in sorted(user.counters.items())
                if name == "badpwdcount"
            },
            "must_change": self._accounts.expiry(user, 0) == 0,
            "password_expired": 0
            < self._accounts.expiry(user, 0)
            <= filetime(self._directory.now()),
            "account_expired": self._accounts.has_expired(user),
            "password_version": versions[-1].number if versions else 0,
            "password_changed_at": versions[-1].at if versions else None,
            "sign_ins": sum(n for (_, name), n in user.counters.items() if name == "logoncount"),
        }

    def _user(self, username: str) -> Entry:
        found = self._seed.find(username)
        if found.credentials is None:
            raise LookupError(f"{username} is not an account")
        return found

    def _set_password(self, username: str, password: str, replica: int | None = None) -> None:
        """Set a password as an administrator would; ``replica`` counts from 1, None is every one."""
        origin = None if replica is None else replica - 1
        self._accounts.reset(self._user(username), password, origin)

    def _lock(self, username: str) -> None:
        user = self._user(username)
        user.put("lockoutTime", filetime(self._directory.now()))
        count = max(self._accounts.policy(user).threshold, 1)
        user.counters[0, "badpwdcount"] = count

    def _switch(self, username: str, *, on: bool) -> None:
        user = self._user(username)
        control = user.number("userAccountControl")
        user.put("userAccountControl", control & ~DISABLED if on else control | DISABLED)

    def _expire_password(self, username: str) -> None:
        user = self._user(username)
        age = self._accounts.policy(user).maximum_age
        if age is None:
            raise ValueError("passwords do not expire here; set maximum_password_age first")
        self._backdate(user, age + DAY)

    def _age_password(self, username: str, days: float) -> None:
        self._backdate(self._user(username), days * DAY)

    def _backdate(self, user: Entry, age: float) -> None:
        since = self._directory.now() - age
        user.put("pwdLastSet", filetime(since))
        if user.credentials is not None and user.credentials.versions:
            newest = replace(user.credentials.versions[-1], at=since)
            user.credentials.versions[-1] = newest

    def _expire_account(self, username: str, at: float | None = None) -> None:
        when = self._directory.now() - DAY if at is None else at
        self._user(username).put("accountExpires", filetime(when))

    def _set_policy(self, **wanted: float) -> None:
        domain = self._directory.get(self._directory.base)
        grace = wanted.pop("old_password_allowed_minutes", None)
        if grace is not None:
            self._accounts.grace = 60.0 * grace
        for key, value in wanted.items():
            name, unit = _POLICY[key]
            never = key in _ZERO_MEANS_NEVER and not value
            domain.put(name, -0x8000000000000000 if never else int(value * unit))

    def _set_lag(self, seconds: float) -> None:
        self._accounts.lag = float(seconds)

    def _would_sign_in(
        self, username: str, password_sha256: str, replica: int = 1
    ) -> dict[str, Any]:
        """Judge a password by the SHA-256 of its UTF-8 form, without a sign-in and its counters."""
        proof = bytes.fromhex(password_sha256)
        answer = self._accounts.judge(self._user(username), proof, replica - 1)
        return {"signs_in": answer.data is None, "data": answer.data, "match": answer.match.value}
