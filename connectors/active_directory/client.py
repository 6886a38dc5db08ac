"""Active Directory over LDAPS: proofs, observations, user operations as the account, passwords as the setter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connectors.active_directory import accounts, passwords, rights, users
from connectors.active_directory.identities import Identities
from connectors.active_directory.models import (
    AccountState,
    ControllerFacts,
    DirectoryUser,
    LockoutPolicy,
    RightCheck,
)
from connectors.active_directory.names import new_sam_account_name, require_within, same_dn
from connectors.active_directory.settings import DirectorySettings
from connectors.active_directory.values import generalized_time
from connectors.errors import NotFound
from connectors.models import SecretHandle, SignIn
from connectors.secret import Secret

if TYPE_CHECKING:
    from connectors.protocols import SecretSource


class ActiveDirectoryClient:
    """One directory, reached over verified LDAPS; keeps ``DirectoryService``.

    Every job has its own connection, pinned to one controller. A controller that cannot be reached is
    passed over for the next; one that answers is believed, and a refused sign-in is never repeated on
    another. No connection is kept, so one client may serve several threads.

    Raises InvalidInput when the CA file cannot be read; nothing is connected yet.
    """

    def __init__(self, settings: DirectorySettings, secrets: SecretSource) -> None:
        self._settings = settings
        self._secrets = secrets
        self._identities = Identities(settings, secrets)
        self._names = accounts.names_of(settings)

    @property
    def controllers(self) -> tuple[str, ...]:
        """The domain controllers of the inventory, in its order; ``where`` names one of them."""
        return self._settings.controllers

    @property
    def base_dn(self) -> str:
        """The head of the domain."""
        return self._settings.base_dn

    def sign_in(self, account: SecretHandle, *, where: str | None = None) -> SignIn:
        """Bind with the credential on a fresh connection, once, and say where.

        ``where`` asks for one controller. Before that the reader looks at the same controller whether
        one more wrong password could lock the account; it does not look when it is the account itself.

        Raises SignInRefused with the reason, BudgetSpent when none was tried, Unreachable. A sign-in
        whose answer is lost is Unreachable: a bind changes nothing, but it may have counted.
        """
        with self._identities.account(account, "sign in", where) as (session, credential):
            return SignIn(credential.username, session.where, datetime.now(UTC))

    def controller(self, where: str) -> ControllerFacts:
        """Read what one controller tells about itself, without signing in. Raises Unreachable."""
        operation = "look at controller"
        with self._identities.stranger(operation, where) as session:
            entry = session.read("", ("currentTime", "defaultNamingContext"), operation)
            clock = generalized_time(entry.text("currentTime"))
            return ControllerFacts(session.where, clock, entry.text("defaultNamingContext"))

    def reader_signs_in(self, where: str) -> SignIn:
        """Sign the reader in on one controller, once; raise NotPermitted, and Unreachable.

        A password that was wrong before is not tried again while Vault holds the same version.
        """
        with self._identities.reader("sign in the reader", where) as session:
            return SignIn(str(self._settings.reader), session.where, datetime.now(UTC))

    def setter_signs_in(self) -> SignIn:
        """Sign the setter in, when there is budget for it; raise what ``set_password`` raises for one that does not."""
        with self._identities.setter("sign in the setter") as (session, credential):
            return SignIn(credential.username, session.where, datetime.now(UTC))

    def exists(self, dn: str) -> bool:
        """Say whether the reader sees an object."""
        require_within(dn, self._settings.base_dn)
        try:
            with self._identities.reader("look for object") as session:
                session.read(dn, ("objectClass",), "look for object")
        except NotFound:
            return False
        return True

    def account_state(self, username: str, *, where: str | None = None) -> AccountState:
        r"""Read an account (UPN, sAMAccountName or ``DOMAIN\name``) as the reader identity.

        Raises NotFound.
        """
        with self._identities.reader("read account", where) as session:
            entry = accounts.find_account(session, self._names, username, "read account")
            return accounts.state_of(entry, session.where)

    def lockout_policy(self, username: str) -> LockoutPolicy:
        """Read the policy in force for the account: its password settings object, else the domain's.

        Where a password settings object applies that the reader may not read, the domain's policy
        comes with ``certain`` False. Raises NotFound.
        """
        operation = "read lockout policy"
        with self._identities.reader(operation) as session:
            entry = accounts.find_account(session, self._names, username, operation)
            return accounts.policy_of(session, self._names, entry, operation)

    def find_user(self, username: str) -> DirectoryUser | None:
        """Look for one user by sAMAccountName (or UPN) as the reader identity; None when there is none."""
        with self._identities.reader("find user") as session:
            return accounts.find_user(session, self._names, username, "find user")

    def test_users(self, container: str, prefix: str) -> tuple[DirectoryUser, ...]:
        """List the users directly in the container whose name starts with the prefix, as the reader.

        Raises NotFound for the container, and InvalidInput for a prefix under four characters.
        """
        require_within(container, self._settings.base_dn, "container")
        users.require_prefix(prefix, "list test users")
        with self._identities.reader("list test users") as session:
            return accounts.users_by_prefix(session, container, prefix, "list test users")

    def rights(
        self,
        account: SecretHandle,
        container: str,
        *,
        managed: Sequence[str] = (),
        where: str | None = None,
    ) -> tuple[RightCheck, ...]:
        """Predict what validation needs in a container, signed in as the account, modifying nothing.

        In every ``managed`` base also what the vendor documents. ``where`` asks for one controller, as for a
        password that is on its way to the others. Raises what ``sign_in`` raises, and NotFound for the
        container.
        """
        bases = [dn for dn in managed if not same_dn(dn, self._settings.base_dn)]
        for dn in (container, *bases):
            require_within(dn, self._settings.base_dn, "container")
        with self._identities.account(account, "predict rights", where) as (session, credential):
            name = self._identities.name_of(credential)
            return rights.predict(session, container, name, managed)

    def create_user(self, account: SecretHandle, container: str, username: str) -> DirectoryUser:
        """Create an enabled user directly in the container, with a random password that nobody keeps.

        Raises NotPermitted, Conflict, NotFound for the container, Unknown when the answer was lost.
        """
        new_sam_account_name(username)
        require_within(container, self._settings.base_dn, "container")
        with self._identities.account(account, "create user") as (session, _):
            return users.create(session, container, username, self._settings.domain)

    def reset_password(self, account: SecretHandle, dn: str) -> None:
        """Set another random password that nobody keeps; raise NotPermitted, NotFound, Unknown."""
        require_within(dn, self._settings.base_dn)
        with self._identities.account(account, "reset password") as (session, _):
            users.reset_password(session, dn, None)

    def set_password(self, dn: str, new: SecretHandle, *, where: str | None = None) -> str:
        """Reset a user's password to the secret's, as the setter; return the controller that took it.

        ``where`` asks for one controller. Only signing in on the one that took it proves it, and only
        with the new password: the directory accepts the previous one for another hour. A reset does
        not unlock an account that is locked. Setting the same secret again is harmless.

        Raises NotPermitted, also for a setter that does not sign in, PolicyRefused, NotFound,
        BudgetSpent when the setter was not tried, Unreachable, InvalidInput when the directory has no
        setter, and Unknown when the answer was lost; its identifiers name the controller to look at.
        """
        require_within(dn, self._settings.base_dn)
        password = passwords.usable(self._secrets.credential(new))
        return self._reset(dn, password, "set password", where)

    def scramble_password(self, dn: str, *, where: str | None = None) -> str:
        """Reset a user's password to a random one that nobody keeps, as the setter; return the controller.

        Raises what ``set_password`` raises; like it, it does not unlock.
        """
        require_within(dn, self._settings.base_dn)
        return self._reset(dn, None, "scramble password", where)

    def _reset(self, dn: str, password: Secret | None, operation: str, where: str | None) -> str:
        with self._identities.setter(operation, where) as (session, credential):
            setter = self._identities.name_of(credential)
            passwords.reset(session, dn, password, operation, setter=setter)
            return session.where

    def may_set_password(self, dn: str) -> RightCheck:
        """Predict whether the setter may reset this user's password, signed in as it, modifying nothing.

        UNTOLD when it may not read that. Raises NotFound when it does not see the user at all, and
        what ``set_password`` raises for a setter that does not sign in.
        """
        require_within(dn, self._settings.base_dn)
        with self._identities.setter("predict rights") as (session, credential):
            return rights.predict_reset(session, dn, self._identities.name_of(credential))

    def modify_user(self, account: SecretHandle, dn: str, attributes: Mapping[str, str]) -> None:
        """Replace single-valued attributes, all or none; raise NotPermitted, NotFound, Unknown."""
        require_within(dn, self._settings.base_dn)
        with self._identities.account(account, "modify user") as (session, _):
            users.modify(session, dn, attributes)

    def delete_user(self, account: SecretHandle, dn: str) -> None:
        """Delete the user; one that is already gone is success; raise NotPermitted, Unknown."""
        require_within(dn, self._settings.base_dn)
        with self._identities.account(account, "delete user") as (session, _):
            users.delete(session, dn)

    def delete_test_users(
        self, account: SecretHandle, container: str, prefix: str, *, keep: str = ""
    ) -> tuple[str, ...]:
        """Delete the users directly in the container whose name starts with the prefix.

        ``keep`` is the name of one that stays. Returns their DNs; none found is success. Raises NotPermitted, Unknown, and InvalidInput for a
        prefix under four characters.
        """
        require_within(container, self._settings.base_dn, "container")
        with self._identities.account(account, "delete test users") as (session, _):
            return users.delete_by_prefix(session, container, prefix, keep)
