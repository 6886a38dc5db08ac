"""The domain of the saga's world as one process sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.active_directory.models import (
    DOCUMENTED_RIGHTS,
    VALIDATION_RIGHTS,
    AccountState,
    DirectoryUser,
    LockoutPolicy,
    Right,
    RightCheck,
)
from connectors.errors import Conflict, NotFound, NotPermitted, PolicyRefused
from connectors.models import Presence, SecretHandle, SignIn
from tasks._accounts import CLOCKS_APART
from tests.laws.saga.domain import (
    BASE,
    SYSTEM,
    THRESHOLD,
    WINDOW,
    Domain,
    DomainAccount,
    Operator,
)
from tests.laws.saga.faults import Effect, Line
from tests.laws.saga.vault import SagaVault
from tests.laws.saga.watch import By


class SagaDirectory:
    """The domain as one process sees it; keeps DirectoryService."""

    def __init__(self, line: Line, vault: SagaVault, truth: Domain) -> None:
        self._line = line
        self._vault = vault
        self._truth = truth

    @property
    def controllers(self) -> tuple[str, ...]:
        """The domain controllers of the inventory, in its order."""
        return self._truth.controllers

    def _as_account(self, handle: SecretHandle, where: str | None = None) -> tuple[str, str]:
        """Sign in as a connection account when there is budget for it; return its name and where."""
        fields = self._vault.read(handle)
        name, where = fields["username"], self._truth.up(where)
        self._truth.require_budget(name, where)
        self._truth.bind(name, where, fields["password"])
        return name, where

    def sign_in(self, account: SecretHandle, *, where: str | None = None) -> SignIn:
        """Bind with the credential once; raise SignInRefused with the reason."""

        def sign_in() -> SignIn:
            name, there = self._as_account(account, where)
            return SignIn(name, there, self._truth.time.utc())

        return self._line.call("directory", "sign_in", sign_in, Effect.SIGN_IN)

    def account_state(self, username: str, *, where: str | None = None) -> AccountState:
        """Read an account as the reader identity."""

        def read() -> AccountState:
            there = self._truth.up(where)
            account = self._truth.accounts.get(username)
            if account is None:
                raise NotFound(SYSTEM, "read account", account=username)
            replica = account.replicas[there]
            return AccountState(
                dn=account.dn,
                username=username,
                upn=username,
                enabled=account.enabled,
                locked=account.locked,
                password_expired=account.expired,
                must_change_password=False,
                account_expires=None,
                password_last_set=replica.newest.at,
                bad_password_count=replica.bad,
                read_from=there,
            )

        return self._line.call("directory", "account_state", read)

    def lockout_policy(self, username: str) -> LockoutPolicy:
        """Read the policy in force for the account."""
        return LockoutPolicy(THRESHOLD, WINDOW, None, "domain")

    @property
    def base_dn(self) -> str:
        """The head of the domain."""
        return BASE

    def rights(
        self,
        account: SecretHandle,
        container: str,
        *,
        managed: Sequence[str] = (),
        where: str | None = None,
    ) -> tuple[RightCheck, ...]:
        """Predict the account's rights on a container, signed in as the account."""

        def read() -> tuple[RightCheck, ...]:
            name, _ = self._as_account(account, where)
            held = self._truth.accounts[name].rights
            needed = tuple(
                RightCheck(
                    right,
                    Presence.PRESENT if right in held else Presence.MISSING,
                    container,
                    "the DACL",
                    name,
                )
                for right in VALIDATION_RIGHTS
            )
            documented = (
                RightCheck(right, Presence.PRESENT, base, "the DACL", name, managed=True)
                for base in managed
                for right in DOCUMENTED_RIGHTS
            )
            return (*needed, *documented)

        return self._line.call("directory", "rights", read, Effect.SIGN_IN)

    def find_user(self, username: str) -> DirectoryUser | None:
        """Look for one user; None when it is not there."""

        def find() -> DirectoryUser | None:
            self._truth.up()
            return self._truth.users.get(username)

        return self._line.call("directory", "find_user", find)

    def test_users(self, container: str, prefix: str) -> tuple[DirectoryUser, ...]:
        """List the users whose name starts with the prefix."""
        return self._line.call(
            "directory",
            "test_users",
            lambda: tuple(u for n, u in self._truth.users.items() if n.startswith(prefix)),
        )

    def _by_dn(self, dn: str) -> DomainAccount:
        for account in self._truth.accounts.values():
            if account.dn == dn:
                return account
        raise NotFound(SYSTEM, "find account", dn=dn)

    def may_set_password(self, dn: str) -> RightCheck:
        """Predict whether the setter may reset this account's password."""

        def read() -> RightCheck:
            self._truth.up()
            held = self._by_dn(dn).setter_may
            presence = Presence.PRESENT if held else Presence.MISSING
            return RightCheck(Right.RESET_PASSWORD, presence, dn, "the DACL", "setter", True)

        return self._line.call("directory", "may_set_password", read)

    def set_password(self, dn: str, new: SecretHandle, *, where: str | None = None) -> str:
        """Reset an account's password to the secret's; return the controller that took it."""

        def put() -> str:
            fields = self._vault.read(new)
            there, account = self._truth.up(where), self._by_dn(dn)
            if not account.setter_may:
                raise NotPermitted(SYSTEM, "set password", dn=dn)
            if len(fields["password"]) < self._truth.shortest:
                raise PolicyRefused(SYSTEM, "set password", dn=dn)
            self._truth.watch.set(fields["rotation_id"], account.name, fields["password"])
            announced = self._vault.announced(new) or self._truth.time.utc()
            late = self._truth.time.utc() - announced > CLOCKS_APART
            self._truth.watch.set_late |= self._line.overtaken or late
            self._truth.set(account.name, there, fields["password"], By.ROTATION)
            return there

        return self._line.call("directory", "set_password", put, Effect.CHANGE)

    def scramble_password(self, dn: str, *, where: str | None = None) -> str:
        """Reset an account's password to a random one that nobody keeps; return the controller."""

        def scramble() -> str:
            there, account = self._truth.up(where), self._by_dn(dn)
            if not account.setter_may:
                raise NotPermitted(SYSTEM, "scramble password", dn=dn)
            self._truth.watch.scrambled(account.name)
            self._truth.set(account.name, there, self._truth.watch.invent(), By.NOBODY)
            return there

        return self._line.call("directory", "scramble_password", scramble, Effect.CHANGE)

    def _operator(self, account: SecretHandle, right: Right, operation: str) -> Operator:
        """Sign in as a connection account that has a right."""
        name, _ = self._as_account(account)
        if right not in self._truth.accounts[name].rights:
            raise NotPermitted(SYSTEM, operation)
        return Operator(self._truth)

    def create_user(self, account: SecretHandle, container: str, username: str) -> DirectoryUser:
        """Create a test user, as the account."""

        def create() -> DirectoryUser:
            operator = self._operator(account, Right.CREATE_USER, "create user")
            if username in self._truth.users:
                raise Conflict(SYSTEM, "create user", user=username)
            operator.create({"username": username, "container": container})
            return self._truth.users[username]

        return self._line.call("directory", "create_user", create, Effect.OWN)

    def reset_password(self, account: SecretHandle, dn: str) -> None:
        """Set another random password that nobody keeps, as the account."""

        def reset() -> None:
            operator = self._operator(account, Right.RESET_PASSWORD, "reset password")
            operator.change(dn, password_last_set=self._truth.time.utc())

        self._line.call("directory", "reset_password", reset, Effect.OWN)

    def modify_user(self, account: SecretHandle, dn: str, attributes: Mapping[str, str]) -> None:
        """Replace attributes, as the account."""

        def modify() -> None:
            operator = self._operator(account, Right.WRITE_ATTRIBUTES, "modify user")
            operator.change(dn, **attributes)

        self._line.call("directory", "modify_user", modify, Effect.OWN)

    def delete_user(self, account: SecretHandle, dn: str) -> None:
        """Delete the user; one that is already gone is success."""

        def delete() -> None:
            name, _ = self._as_account(account)
            if Right.DELETE_USER not in self._truth.accounts[name].rights:
                raise NotPermitted(SYSTEM, "delete user", dn=dn)
            self._truth.users = {n: u for n, u in self._truth.users.items() if u.dn != dn}

        self._line.call("directory", "delete_user", delete, Effect.OWN)

    def delete_test_users(
        self, account: SecretHandle, container: str, prefix: str, *, keep: str = ""
    ) -> tuple[str, ...]:
        """Delete the users directly in the container whose name starts with the prefix, but ``keep``."""

        def sweep() -> tuple[str, ...]:
            name, _ = self._as_account(account)
            found = [n for n in self._truth.users if n.startswith(prefix) and n != keep]
            if found and Right.DELETE_USER not in self._truth.accounts[name].rights:
                raise NotPermitted(SYSTEM, "delete test users", users=" ".join(found))
            return tuple(self._truth.users.pop(n).dn for n in found)

        return self._line.call("directory", "delete_test_users", sweep, Effect.CHANGE)
