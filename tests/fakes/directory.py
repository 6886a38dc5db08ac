"""A directory in memory: sign-ins, rights, and test users."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connectors.active_directory.models import (
    DOCUMENTED_RIGHTS,
    VALIDATION_RIGHTS,
    AccountState,
    DirectoryUser,
    Right,
    RightCheck,
)
from connectors.errors import Conflict, NotPermitted, Unreachable
from connectors.models import Presence, SecretHandle, SignIn
from tests.fakes.telling import Told

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeDirectory(Told):
    """One domain. ``states`` are those of an account per controller, None where one is away.

    ``missing`` are rights that the connection account lacks, ``untold`` not readable ones.

    ``lacking`` and ``dark`` are the same of the documented rights in every managed base.
    """

    base_dn = "DC=corp,DC=example,DC=com"

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, DirectoryUser] = {}
        self.states: dict[str, AccountState | None] = {}
        self.missing: set[Right] = set()
        self.untold: set[Right] = set()
        self.lacking: set[Right] = set()
        self.dark: set[Right] = set()
        self._moments = (START + timedelta(minutes=n) for n in itertools.count(1))

    @property
    def controllers(self) -> tuple[str, ...]:
        """The domain controllers."""
        return tuple(self.states)

    def account_state(self, username: str, *, where: str | None = None) -> AccountState:
        """Read an account on one controller."""
        state = self.states[where or ""]
        if state is None:
            raise Unreachable("active directory", "read account", controller=where)
        return state

    def sign_in(self, account: SecretHandle, *, where: str | None = None) -> SignIn:
        """Sign in with the credential."""
        return self.act("sign_in", lambda: SignIn("svc@corp.example.com", "dc1", START))

    def rights(
        self,
        account: SecretHandle,
        container: str,
        *,
        managed: Sequence[str] = (),
        where: str | None = None,
    ) -> tuple[RightCheck, ...]:
        """Predict the account's rights on a container, signed in as the account, modifying nothing."""

        def check(right: Right, base: str, *, documented: bool) -> RightCheck:
            missing = self.lacking if documented else self.missing
            untold = self.dark if documented else self.untold
            presence = Presence.UNTOLD if right in untold else Presence.PRESENT
            presence = Presence.MISSING if right in missing else presence
            name = "svc@corp.example.com"
            return RightCheck(right, presence, base, "the DACL", name, managed=documented)

        return self.act(
            "rights",
            lambda: (
                *(check(right, container, documented=False) for right in VALIDATION_RIGHTS),
                *(check(r, base, documented=True) for base in managed for r in DOCUMENTED_RIGHTS),
            ),
        )

    def find_user(self, username: str) -> DirectoryUser | None:
        """Look for one user by UPN; None when it is not there."""
        return self.act("find_user", lambda: self.users.get(username))

    def test_users(self, place: str, prefix: str) -> tuple[DirectoryUser, ...]:
        """List the users whose name starts with the prefix."""
        return self.act(
            "test_users",
            lambda: tuple(u for u in self.users.values() if u.username.startswith(prefix)),
        )

    def _require(self, right: Right) -> None:
        if right in self.missing:
            raise NotPermitted("active directory", right.value, code="insufficientAccessRights")

    def create_user(self, account: SecretHandle, container: str, username: str) -> DirectoryUser:
        """Create an enabled test user with a random password that nobody keeps."""

        def create() -> DirectoryUser:
            self._require(Right.CREATE_USER)
            if username in self.users:
                raise Conflict("active directory", "create user", user=username)
            self.add({"username": username, "container": container})
            return self.users[username]

        return self.act("create_user", create)

    def reset_password(self, account: SecretHandle, dn: str) -> None:
        """Set another random password that nobody keeps."""

        def reset() -> None:
            self._require(Right.RESET_PASSWORD)
            self.reset({"dn": dn})

        self.act("reset_password", reset)

    def modify_user(self, account: SecretHandle, dn: str, attributes: Mapping[str, str]) -> None:
        """Replace single-valued attributes."""

        def modify() -> None:
            self._require(Right.WRITE_ATTRIBUTES)
            self.change({"dn": dn, **attributes})

        self.act("modify_user", modify)

    def delete_user(self, account: SecretHandle, dn: str) -> None:
        """Soft-delete the user; one that is already gone is success."""
        self.act("delete_user", lambda: self.remove({"dn": dn}))

    def delete_test_users(
        self, account: SecretHandle, container: str, prefix: str, *, keep: str
    ) -> tuple[str, ...]:
        """Soft-delete the users of the domain whose name starts with the prefix, but ``keep`` (a UPN)."""

        def sweep() -> tuple[str, ...]:
            gone = tuple(n for n in self.users if n.startswith(prefix) and n != keep)
            for name in gone:
                del self.users[name]
            return gone

        return self.act("delete_test_users", sweep)

    def add(self, arguments: Mapping[str, str]) -> str:
        """Create a user, as the product does."""
        name = arguments["username"]
        dn = f"CN={name},{arguments['container']}"
        moment = next(self._moments)
        self.users[name] = DirectoryUser(dn, name, None, None, True, moment, moment)
        return dn

    def reset(self, arguments: Mapping[str, str]) -> str:
        """Set another password, as the product does."""
        return self._put(arguments["dn"], password_last_set=next(self._moments))

    def change(self, arguments: Mapping[str, str]) -> str:
        """Change the description, as the product does."""
        return self._put(arguments["dn"], description=arguments["description"])

    def remove(self, arguments: Mapping[str, str]) -> str:
        """Delete a user; one that is gone is success."""
        self.users = {n: u for n, u in self.users.items() if u.dn != arguments["dn"]}
        return arguments["dn"]

    def _put(self, dn: str, **changes: object) -> str:
        for name, user in self.users.items():
            if user.dn == dn:
                self.users[name] = replace(user, **changes)  # type: ignore[arg-type]
        return dn
