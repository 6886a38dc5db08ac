"""A domain in the world of the saga: controllers that replicate, lockout, and the previous password for an hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connectors.active_directory.models import (
    VALIDATION_RIGHTS,
    DirectoryUser,
    Right,
)
from connectors.errors import (
    BudgetSpent,
    InvalidInput,
    SignInReason,
    SignInRefused,
    Unreachable,
)
from tests.laws.saga.timing import WorldTime
from tests.laws.saga.watch import By, Held, Watch

BASE = "DC=corp,DC=example,DC=com"
UNIT = f"OU=Validation,{BASE}"
THRESHOLD, RESERVE = 5, 2
WINDOW = timedelta(minutes=30)
PREVIOUS = timedelta(hours=1)
SYSTEM = "active directory"


@dataclass
class Replica:
    """An account as one controller knows it. ``stamp`` decides between two controllers, as in AD."""

    passwords: tuple[Held, ...]  # newest first
    stamp: tuple[int, datetime, str]
    bad: int = 0
    bad_at: datetime | None = None

    @property
    def newest(self) -> Held:
        """The password that was set last."""
        return self.passwords[0]


@dataclass
class DomainAccount:
    """A connection account. ``setter_may``: whether the setter has Reset Password on it."""

    name: str
    replicas: dict[str, Replica]
    locked: bool = False  # replicated at once
    enabled: bool = True
    expired: bool = False  # until another password is set
    setter_may: bool = True
    rights: set[Right] = field(default_factory=lambda: set(VALIDATION_RIGHTS))

    @property
    def dn(self) -> str:
        """Its distinguished name."""
        return f"CN={self.name.partition('@')[0]},{BASE}"

    @staticmethod
    def all_rights() -> set[Right]:
        """The rights that a connection account needs."""
        return set(VALIDATION_RIGHTS)

    @property
    def newest(self) -> Held:
        """The password that will be everywhere when the controllers have replicated."""
        return max(self.replicas.values(), key=lambda it: it.stamp).newest


@dataclass
class Domain:
    """The truth."""

    time: WorldTime
    watch: Watch
    controllers: tuple[str, ...]
    accounts: dict[str, DomainAccount] = field(default_factory=dict)
    users: dict[str, DirectoryUser] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    shortest: int = 8
    skew: timedelta = timedelta(0)
    """How far the controllers' clocks go ahead of everybody else's."""

    def add(self, name: str, password: str) -> None:
        """Add a connection account."""
        held = Held(password, By.SEED, self.time.utc())
        replicas = {
            where: Replica((held,), (1, held.at, where.casefold())) for where in self.controllers
        }
        self.accounts[name] = DomainAccount(name, replicas)

    def up(self, where: str | None = None) -> str:
        """Return the controller that answers; raise Unreachable when none does."""
        if where is not None and where not in self.controllers:
            raise InvalidInput(SYSTEM, "choose controller", where=where)
        for one in self.controllers if where is None else (where,):
            if one not in self.away:
                return one
        raise Unreachable(SYSTEM, "connect", controllers=where or " ".join(self.controllers))

    def set(self, name: str, where: str, value: str, by: By) -> None:
        """Set a password on one controller."""
        self.time.sleep(0.001)
        self.accounts[name].expired = False
        replica, now = self.accounts[name].replicas[where], self.time.utc() + self.skew
        replica.passwords = (Held(value, by, now), *replica.passwords[:3])
        replica.stamp = (replica.stamp[0] + 1, now, where)

    def replicate(self) -> None:
        """Bring the newest password of each account to every controller that is up."""
        for account in self.accounts.values():
            there = {w: r for w, r in account.replicas.items() if w not in self.away}
            if not there:
                continue
            newest = max(there.values(), key=lambda it: it.stamp)
            for replica in there.values():
                replica.passwords, replica.stamp = newest.passwords, newest.stamp

    def goes_away(self, where: str) -> bool:
        """Let a controller go away, unless it is the last one that is up; say whether it alone knows a change.

        Two changes in a row that no other controller has heard of would win over a later single one
        elsewhere, by AD's own rule for conflicts; that no tool can see, so the first of them gets through.
        """
        if where not in self.controllers or {*self.controllers} - self.away == {where}:
            return False
        ahead = [
            account.replicas[where].stamp[0] - min(r.stamp[0] for r in account.replicas.values())
            for account in self.accounts.values()
        ]
        if max(ahead) > 1:
            self.replicate()
        self.away.add(where)
        return max(ahead) == 1

    def ends(self, where: str) -> bool:
        """Let a controller be taken out of domain and inventory; say whether a password went with it.

        What the others have instead is nobody's doing but that person's.
        """
        if not {*self.controllers} - self.away - {where}:
            return False
        self.controllers = tuple(it for it in self.controllers if it != where)
        self.away.discard(where)
        lost = False
        for account in self.accounts.values():
            before = account.newest
            del account.replicas[where]
            if account.newest.value != before.value:
                lost = True
                for replica in account.replicas.values():
                    kept = replace(replica.newest, by=By.PERSON)
                    replica.passwords = (kept, *replica.passwords[1:])
        return lost

    def guesses(self, name: str, times: int) -> None:
        """Let somebody try wrong passwords on every controller, but not so many that the account locks."""
        for where, replica in self.accounts[name].replicas.items():
            replica.bad = min(self.bad(name, where) + times, THRESHOLD - 1)
            replica.bad_at = self.time.utc()

    def accepts(self, name: str, where: str, value: str) -> bool:
        """Say whether a controller takes this password: the newest, or the previous one for an hour."""
        passwords = self.accounts[name].replicas[where].passwords
        if value == passwords[0].value:
            return True
        recent = self.time.utc() + self.skew - passwords[0].at <= PREVIOUS
        return recent and len(passwords) > 1 and value == passwords[1].value

    def signs_in(self, name: str, value: str) -> bool:
        """Say whether the password signs in today on a controller, and will tomorrow on all."""
        account = self.accounts.get(name)
        return account is not None and not account.locked and value == account.newest.value

    def bad(self, name: str, where: str) -> int:
        """Return how many wrong passwords still count on a controller."""
        replica = self.accounts[name].replicas[where]
        recent = replica.bad_at is not None and self.time.utc() <= replica.bad_at + WINDOW
        return replica.bad if recent else 0

    def bind(self, name: str, where: str, value: str) -> None:
        """Sign in, and count a wrong password; raise SignInRefused."""
        account = self.accounts.get(name)
        if account is None:
            raise _refused(name, where, SignInReason.NOT_FOUND)
        if account.locked:
            raise _refused(name, where, SignInReason.LOCKED)
        if not account.enabled:
            raise _refused(name, where, SignInReason.DISABLED)
        replica = account.replicas[where]
        if self.accepts(name, where, value):
            replica.bad = 0
            if account.expired:
                raise _refused(name, where, SignInReason.PASSWORD_EXPIRED)
            return
        if not any(value == held.value for held in replica.passwords[:2]):
            replica.bad, replica.bad_at = self.bad(name, where) + 1, self.time.utc()
            self.watch.counted(name, replica.bad, THRESHOLD - RESERVE)
            account.locked = replica.bad >= THRESHOLD
        raise _refused(name, where, SignInReason.WRONG_PASSWORD)

    def require_budget(self, name: str, where: str) -> None:
        """Refuse a sign-in that could touch the reserve, as connectors.active_directory.budget does."""
        account = self.accounts.get(name)
        if account is None:
            raise _refused(name, where, SignInReason.NOT_FOUND)
        if account.locked:
            raise _refused(name, where, SignInReason.LOCKED)
        if THRESHOLD - self.bad(name, where) <= RESERVE:
            raise BudgetSpent(SYSTEM, "sign in", account=name, controller=where)


class Operator:
    """What the product does in the domain with the account and password that it holds."""

    def __init__(self, truth: Domain) -> None:
        self._truth = truth

    def signs_in(self, account: str, password: str) -> str | None:
        """Sign in on the first controller; return the reason of a refusal, None when it worked."""
        try:
            self._truth.bind(account, self._truth.up(), password)
        except (SignInRefused, Unreachable) as error:
            return str(error)
        return None

    def lacks(self, account: str, right: Right) -> bool:
        """Say whether the account lacks a right."""
        return right not in self._truth.accounts[account].rights

    def create(self, arguments: Mapping[str, str]) -> str:
        """Create a user."""
        name, container = arguments["username"], arguments["container"]
        dn = f"CN={name},{container}"
        now = self._truth.time.utc()
        self._truth.users[name] = DirectoryUser(dn, name, None, None, True, now)
        return dn

    def change(self, dn: str, **changes: object) -> str:
        """Change a user that is there."""
        for name, user in self._truth.users.items():
            if user.dn == dn:
                self._truth.users[name] = replace(user, **changes)  # type: ignore[arg-type]
        return dn

    def delete(self, dn: str) -> str:
        """Delete a user; one that is gone is success."""
        self._truth.users = {n: u for n, u in self._truth.users.items() if u.dn != dn}
        return dn

    def there(self, dn: str) -> bool:
        """Say whether the user is there."""
        return any(user.dn == dn for user in self._truth.users.values())


def _refused(name: str, where: str, reason: SignInReason) -> SignInRefused:
    return SignInRefused(SYSTEM, "sign in", reason=reason, account=name, controller=where)
