"""A tenant in the world of the saga: reads that lag behind, sign-ins that spread, smart lockout, grants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.entra.budget import ProbeBudget
from connectors.entra.granted import ConsentHistory
from connectors.entra.models import (
    AppPresence,
    ConsentFacts,
    ConsentManifest,
    EntraAccount,
    EntraApp,
    EntraUser,
    Grant,
    GrantedHow,
    PasswordProbe,
    PermissionKind,
    ProbeVerdict,
    RoleFacts,
    RoleHolding,
    SetterCheck,
    SignInPolicies,
)
from connectors.entra.polling import settled
from connectors.errors import Conflict, NotFound, NotPermitted, PolicyRefused
from connectors.models import Finding, SecretHandle
from tests.laws.saga.faults import Effect, Line
from tests.laws.saga.timing import WorldTime
from tests.laws.saga.vault import SagaVault
from tests.laws.saga.watch import MOST_WRONG_AN_HOUR, By, Held, Watch

APP = EntraApp("app-1", "sp-1", "Cayosoft Administrator API Access", enabled=True)
ROLE = RoleHolding("62e90394-69f5-4237-9190-012177145e10", "Global Administrator", "direct")
THRESHOLD, RESERVE = 10, 2
TRIES = 3
REMEMBERED = 3
"""Wrong passwords that smart lockout remembers: the same one again does not count."""
WITHHELD = "User.ReadWrite.All"


@dataclass
class TenantAccount:
    """A connection account."""

    id: str
    name: str
    passwords: tuple[Held, ...]  # newest first
    role: bool = True
    setter_may: bool = True
    enabled: bool = True
    expired: bool = False  # until another password is set
    bad: int = 0
    wrong: tuple[str, ...] = ()
    locked_until: datetime | None = None

    @property
    def newest(self) -> Held:
        """The password that was set last."""
        return self.passwords[0]


@dataclass
class Tenant:
    """The truth. ``lag`` is how long reads show what was, ``spread`` how long sign-ins do."""

    time: WorldTime
    watch: Watch
    accounts: dict[str, TenantAccount] = field(default_factory=dict)
    users: dict[str, EntraUser] = field(default_factory=dict)
    registered: bool = True
    granted: set[str] = field(default_factory=set)
    withheld: bool = False
    lag: timedelta = timedelta(0)
    spread: timedelta = timedelta(0)
    shortest: int = 8
    skew: timedelta = timedelta(0)
    """How far the tenant's clock goes ahead of ours."""

    def add(self, name: str, password: str) -> None:
        """Add a connection account that the product's app has its grants for."""
        held = Held(password, By.SEED, self.time.utc() - timedelta(days=30))
        self.accounts[name] = TenantAccount(f"id-{name.partition('@')[0]}", name, (held,))
        self.granted.add(name)

    def set(self, name: str, value: str, by: By) -> None:
        """Set a password."""
        account = self.accounts[name]
        account.expired = False
        account.passwords = (Held(value, by, self.time.utc()), *account.passwords[:3])

    def shown(self, name: str) -> datetime:
        """Return when a reader is told that the password was last changed, to the second as Graph tells it."""
        passwords = self.accounts[name].passwords
        fresh = self.time.utc() - passwords[0].at < self.lag and len(passwords) > 1
        return (passwords[1 if fresh else 0].at + self.skew).replace(microsecond=0)

    def accepts(self, name: str, value: str) -> bool:
        """Say whether the sign-in service takes this password now."""
        passwords = self.accounts[name].passwords
        fresh = self.time.utc() - passwords[0].at < self.spread and len(passwords) > 1
        return value == passwords[1 if fresh else 0].value

    def signs_in(self, name: str, value: str) -> bool:
        """Say whether the password signs in, as soon as everybody knows it."""
        account = self.accounts.get(name)
        return account is not None and not self.locked(name) and value == account.newest.value

    def locked(self, name: str) -> bool:
        """Say whether smart lockout holds."""
        until = self.accounts[name].locked_until
        return until is not None and self.time.utc() < until

    def sign_in(self, name: str, value: str) -> ProbeVerdict:
        """Sign in, and count a wrong password."""
        account = self.accounts.get(name)
        if account is None:
            return ProbeVerdict.USER_NOT_FOUND
        if self.locked(name):
            return ProbeVerdict.LOCKED
        if not account.enabled:
            return ProbeVerdict.DISABLED
        if self.accepts(name, value):
            account.bad = 0
            return ProbeVerdict.VALID_EXPIRED if account.expired else ProbeVerdict.VALID
        if value not in account.wrong:
            account.bad += 1
            account.wrong = (value, *account.wrong)[:REMEMBERED]
            self.watch.counted(name, account.bad, THRESHOLD - RESERVE)
        if account.bad >= THRESHOLD:
            account.locked_until = self.time.utc() + timedelta(seconds=60)
        return ProbeVerdict.INVALID


class SagaTenant:
    """The tenant as one process sees it; keeps TenantService."""

    def __init__(self, line: Line, vault: SagaVault, truth: Tenant) -> None:
        self._line = line
        self._vault = vault
        self._truth = truth
        self._budget = ProbeBudget(TRIES, truth.time.now)

    @property
    def tries_per_version(self) -> int:
        """As in a tenant of the public cloud."""
        return TRIES

    @property
    def wrong_sign_ins_an_hour(self) -> int:
        """As in a tenant of the public cloud."""
        return MOST_WRONG_AN_HOUR

    def probe_password(self, account: SecretHandle) -> PasswordProbe:
        """Sign in with the password exactly once, within the connector's own budget."""

        def probe() -> PasswordProbe:
            fields = self._vault.read(account)
            name = fields["username"]
            self._budget.take(name)
            verdict = self._truth.sign_in(name, fields["password"])
            if verdict is ProbeVerdict.INVALID:
                self._truth.watch.probed(name, fields["password"])
            self._budget.settle(name, verdict)
            codes = () if verdict is ProbeVerdict.VALID else (50126,)
            return PasswordProbe(name, verdict, codes, "corr-1", self._truth.time.utc())

        return self._line.call("tenant", "probe_password", probe, Effect.SIGN_IN)

    def _account(self, upn: str) -> EntraAccount:
        account = self._truth.accounts.get(upn)
        if account is None:
            raise NotFound("entra", "read account", account=upn)
        return EntraAccount(account.id, upn, account.enabled, True, self._truth.shown(upn))

    def account(self, upn: str) -> EntraAccount:
        """Read the connection account."""
        return self._line.call("tenant", "account", lambda: self._account(upn))

    def _by_id(self, account_id: str) -> TenantAccount:
        for account in self._truth.accounts.values():
            if account.id == account_id:
                return account
        raise NotFound("entra", "find account", id=account_id)

    def role_facts(self, account_id: str) -> RoleFacts:
        """Read its directory roles."""
        return self._line.call(
            "tenant",
            "role_facts",
            lambda: RoleFacts((ROLE,) if self._by_id(account_id).role else (), ()),
        )

    def sign_in_policies(self, account_id: str, held: RoleFacts) -> SignInPolicies:
        """Read which policies could stop its password sign-ins: none."""
        return self._line.call(
            "tenant", "sign_in_policies", lambda: SignInPolicies(False, (), (), ())
        )

    def find_apps(self, display_name: str) -> tuple[EntraApp, ...]:
        """Find enterprise applications by display name."""
        return self._line.call(
            "tenant", "find_apps", lambda: (APP,) if self._truth.registered else ()
        )

    def app_presence(self, display_name: str, resources: Sequence[str]) -> AppPresence:
        """Read what there is under an app's name."""
        return self._line.call(
            "tenant",
            "app_presence",
            lambda: AppPresence((APP,) if self._truth.registered else (), (), (), ()),
        )

    def consent_facts(
        self, app_id: str, account_id: str, manifest: ConsentManifest
    ) -> ConsentFacts:
        """Read the grants of the app."""

        def read() -> ConsentFacts:
            mine = self._by_id(account_id).name in self._truth.granted
            grants = tuple(
                Grant(
                    item,
                    GrantedHow.APPLICATION
                    if item.kind is PermissionKind.APPLICATION
                    else GrantedHow.CONNECTION_ACCOUNT,
                )
                for item in sorted(manifest.permissions)
                if mine or item.value != WITHHELD
            )
            return ConsentFacts(APP, grants, (), (), True, ())

        return self._line.call("tenant", "consent_facts", read)

    def consent_history(self, app: EntraApp) -> ConsentHistory:
        """Read who consented to the app; this verifier may not."""
        return self._line.call(
            "tenant", "consent_history", lambda: ConsentHistory((), ("who consented and when",))
        )

    def find_user(self, upn: str) -> EntraUser | None:
        """Look for one user by UPN; None when it is not there."""
        return self._line.call("tenant", "find_user", lambda: self._truth.users.get(upn))

    def test_users(self, domain: str, prefix: str) -> tuple[EntraUser, ...]:
        """List the users whose name starts with the prefix."""
        return self._line.call(
            "tenant",
            "test_users",
            lambda: tuple(u for n, u in self._truth.users.items() if n.startswith(prefix)),
        )

    def create_user(self, upn: str, display_name: str) -> EntraUser:
        """Create a test user, as the validator."""

        def create() -> EntraUser:
            if upn in self._truth.users:
                raise Conflict("entra", "create user", user=upn)
            Operator(self._truth).create({"upn": upn, "displayName": display_name})
            return self._truth.users[upn]

        return self._line.call("tenant", "create_user", create, Effect.OWN)

    def modify_user(self, user_id: str, attributes: Mapping[str, str]) -> None:
        """Change a test user, as the validator."""
        self._line.call(
            "tenant",
            "modify_user",
            lambda: Operator(self._truth).change(user_id, attributes["department"]),
            Effect.OWN,
        )

    def delete_user(self, user_id: str) -> None:
        """Soft-delete the user; one that is already gone is success."""

        def delete() -> None:
            self._truth.users = {n: u for n, u in self._truth.users.items() if u.id != user_id}

        self._line.call("tenant", "delete_user", delete, Effect.OWN)

    def delete_test_users(self, domain: str, prefix: str, *, keep: str = "") -> tuple[str, ...]:
        """Soft-delete the users of the domain whose name starts with the prefix, but ``keep``."""

        def sweep() -> tuple[str, ...]:
            found = [n for n in self._truth.users if n.startswith(prefix) and n != keep]
            return tuple(self._truth.users.pop(n).upn for n in found)

        return self._line.call("tenant", "delete_test_users", sweep, Effect.CHANGE)

    def set_password(self, account_id: str, new: SecretHandle) -> None:
        """Set an account's password to the secret's, to be kept."""

        def put() -> None:
            fields, account = self._vault.read(new), self._by_id(account_id)
            if not account.setter_may:
                raise NotPermitted("entra", "set password", status=403)
            if len(fields["password"]) < self._truth.shortest:
                raise PolicyRefused("entra", "set password", status=400)
            self._truth.watch.set(fields["rotation_id"], account.name, fields["password"])
            self._truth.set(account.name, fields["password"], By.ROTATION)

        self._line.call("tenant", "set_password", put, Effect.CHANGE)

    def scramble_password(self, account_id: str) -> None:
        """Set an account's password to a random one that nobody keeps."""

        def scramble() -> None:
            account = self._by_id(account_id)
            if not account.setter_may:
                raise NotPermitted("entra", "scramble password", status=403)
            self._truth.watch.scrambled(account.name)
            self._truth.set(account.name, self._truth.watch.invent(), By.NOBODY)

        self._line.call("tenant", "scramble_password", scramble, Effect.CHANGE)

    def check_setter(self, account_id: str) -> SetterCheck:
        """Read whether the setter may set this account's password."""

        def read() -> SetterCheck:
            if self._by_id(account_id).setter_may:
                return SetterCheck((), ())
            return SetterCheck(
                (Finding("entra.setter-lacks-role", "the role", "It lacks a role.", "Give it."),),
                (),
            )

        return self._line.call("tenant", "check_setter", read)

    def await_password_change(self, upn: str, before: datetime | None) -> datetime | None:
        """Read the account until two reads in a row show a change, with the connector's own patience."""

        def wait() -> datetime | None:
            seen: list[datetime | None] = [None]

            def changed() -> bool:
                seen[0] = self._account(upn).password_last_changed
                return seen[0] is not None and (before is None or seen[0] > before)

            return seen[0] if settled(changed, self._truth.time.of_entra()) else None

        return self._line.call("tenant", "await_password_change", wait)


class Operator:
    """What the product does in the tenant with the account and password that it holds."""

    def __init__(self, truth: Tenant) -> None:
        self._truth = truth

    def signs_in(self, account: str, password: str) -> str | None:
        """Sign in; return the reason of a refusal, None when it worked."""
        verdict = self._truth.sign_in(account, password)
        return None if verdict is ProbeVerdict.VALID else verdict.value

    def may(self, account: str) -> bool:
        """Say whether role and consent let the account work."""
        return self._truth.accounts[account].role and account in self._truth.granted

    def create(self, arguments: Mapping[str, str]) -> str:
        """Create a user."""
        upn = arguments["upn"]
        self._truth.users[upn] = EntraUser(f"id-{upn}", upn, arguments["displayName"], None)
        return f"id-{upn}"

    def change(self, user_id: str, department: str) -> str:
        """Change a user that is there."""
        for upn, user in self._truth.users.items():
            if user.id == user_id:
                self._truth.users[upn] = EntraUser(user.id, upn, user.display_name, department)
        return user_id

    def delete(self, user_id: str) -> str:
        """Delete a user; one that is gone is success."""
        self._truth.users = {n: u for n, u in self._truth.users.items() if u.id != user_id}
        return user_id

    def there(self, user_id: str) -> bool:
        """Say whether the user is there."""
        return any(user.id == user_id for user in self._truth.users.values())
