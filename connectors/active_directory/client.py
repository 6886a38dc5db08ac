"""Active Directory over LDAPS: proofs, observations, and user operations as the connection account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connectors.active_directory import accounts, budget, rights, users
from connectors.active_directory.errors import SYSTEM
from connectors.active_directory.models import (
    AccountState,
    DirectoryUser,
    LockoutPolicy,
    RightCheck,
)
from connectors.active_directory.names import (
    new_sam_account_name,
    require_within,
    sign_in_name,
)
from connectors.active_directory.session import Session
from connectors.active_directory.settings import DirectorySettings
from connectors.active_directory.transport import Transport
from connectors.errors import NotPermitted, SignInReason, SignInRefused, Unreachable
from connectors.models import Credential, SecretHandle, SignIn

if TYPE_CHECKING:
    from connectors.protocols import SecretSource


class ActiveDirectoryClient:
    """One directory, reached over verified LDAPS; keeps ``Directory`` and ``DirectoryUsers``.

    Every job has its own connection, pinned to one controller. A controller that cannot be reached is
    passed over for the next; one that answers is believed, and a refused sign-in is never repeated on
    another. No connection is kept, so one client may serve several threads.

    Raises InvalidInput when the CA file cannot be read; nothing is connected yet.
    """

    def __init__(self, settings: DirectorySettings, secrets: SecretSource) -> None:
        self._settings = settings
        self._secrets = secrets
        self._transport = Transport(settings)
        self._names = accounts.names_of(settings)
        self._reader_refused: tuple[SecretHandle, SignInReason] | None = None

    def sign_in(self, account: SecretHandle, *, where: str | None = None) -> SignIn:
        """Bind with the credential on a fresh connection, once, and say where.

        ``where`` asks for one controller. Before that the reader looks at the same controller whether
        one more wrong password could lock the account; it does not look when it is the account itself.

        Raises SignInRefused with the reason, BudgetSpent when none was tried, Unreachable. A sign-in
        whose answer is lost is Unreachable: a bind changes nothing, but it may have counted.
        """
        with self._as_account(account, "sign in", where) as (session, credential):
            return SignIn(credential.username, session.where, datetime.now(UTC))

    def account_state(self, username: str, *, where: str | None = None) -> AccountState:
        r"""Read an account (UPN, sAMAccountName or ``DOMAIN\name``) as the reader identity.

        Raises NotFound.
        """
        with self._as_reader("read account", where) as session:
            entry = accounts.find_account(session, self._names, username, "read account")
            return accounts.state_of(entry, session.where)

    def lockout_policy(self, username: str) -> LockoutPolicy:
        """Read the policy in force for the account: its password settings object, else the domain's.

        Where a password settings object applies that the reader may not read, the domain's policy
        comes with ``certain`` False. Raises NotFound.
        """
        operation = "read lockout policy"
        with self._as_reader(operation) as session:
            entry = accounts.find_account(session, self._names, username, operation)
            return accounts.policy_of(session, self._names, entry, operation)

    def find_user(self, username: str) -> DirectoryUser | None:
        """Look for one user by sAMAccountName (or UPN) as the reader identity; None when there is none."""
        with self._as_reader("find user") as session:
            return accounts.find_user(session, self._names, username, "find user")

    def rights(self, account: SecretHandle, container: str) -> tuple[RightCheck, ...]:
        """Predict the account's rights on users in a container, signed in as it, modifying nothing.

        Raises what ``sign_in`` raises, and NotFound for the container.
        """
        require_within(container, self._settings.base_dn, "container")
        with self._as_account(account, "predict rights") as (session, credential):
            return rights.predict(session, container, self._sign_in_name(credential))

    def create_user(self, account: SecretHandle, container: str, username: str) -> DirectoryUser:
        """Create an enabled user directly in the container, with a random password that nobody keeps.

        Raises NotPermitted, Conflict, NotFound for the container, Unknown when the answer was lost.
        """
        new_sam_account_name(username)
        require_within(container, self._settings.base_dn, "container")
        with self._as_account(account, "create user") as (session, _):
            return users.create(session, container, username, self._settings.domain)

    def reset_password(self, account: SecretHandle, dn: str) -> None:
        """Set another random password that nobody keeps; raise NotPermitted, NotFound, Unknown."""
        require_within(dn, self._settings.base_dn)
        with self._as_account(account, "reset password") as (session, _):
            users.reset_password(session, dn, None)

    def set_password(self, account: SecretHandle, dn: str, new: SecretHandle) -> str:
        """Reset a user's password to the secret's, acting as ``account``; return the controller.

        Only signing in on that controller proves it, and only with the new password: the directory
        accepts the previous one for another hour. A reset does not unlock an account.
        Raises NotPermitted, PolicyRefused, NotFound, and Unknown when the answer was lost.
        """
        require_within(dn, self._settings.base_dn)
        password = self._secrets.credential(new).password
        with self._as_account(account, "set password") as (session, _):
            users.reset_password(session, dn, password)
            return session.where

    def modify_user(self, account: SecretHandle, dn: str, attributes: Mapping[str, str]) -> None:
        """Replace single-valued attributes, all or none; raise NotPermitted, NotFound, Unknown."""
        require_within(dn, self._settings.base_dn)
        with self._as_account(account, "modify user") as (session, _):
            users.modify(session, dn, attributes)

    def delete_user(self, account: SecretHandle, dn: str) -> None:
        """Delete the user; one that is already gone is success; raise NotPermitted, Unknown."""
        require_within(dn, self._settings.base_dn)
        with self._as_account(account, "delete user") as (session, _):
            users.delete(session, dn)

    def delete_test_users(
        self, account: SecretHandle, container: str, prefix: str, *, keep: str = ""
    ) -> tuple[str, ...]:
        """Delete the users directly in the container whose name starts with the prefix.

        ``keep`` is the name of one that stays. Returns their DNs; none found is success. Raises NotPermitted, Unknown, and InvalidInput for a
        prefix under four characters.
        """
        require_within(container, self._settings.base_dn, "container")
        with self._as_account(account, "delete test users") as (session, _):
            return users.delete_by_prefix(session, container, prefix, keep)

    def _sign_in_name(self, credential: Credential) -> str:
        return sign_in_name(credential.username, self._settings.domain)

    @contextmanager
    def _as_account(
        self, handle: SecretHandle, operation: str, where: str | None = None
    ) -> Iterator[tuple[Session, Credential]]:
        """Sign in with exactly one bind, when there is budget for it."""
        credential = self._secrets.credential(handle)
        name = self._sign_in_name(credential)
        reader = self._settings.reader
        if (handle.mount, handle.path) != (reader.mount, reader.path):
            with self._as_reader(operation, where) as looking:
                budget.require_budget(looking, self._settings, name, operation)
                where = looking.where
        with next(self._transport.sessions(operation, where)) as session:
            session.bind(credential, name, operation)
            yield session, credential

    def _as_reader(self, operation: str, where: str | None = None) -> Session:
        """Sign in as the reader on the first controller that gives a verdict."""
        credential = self._secrets.credential(self._settings.reader)
        if self._reader_refused and self._reader_refused[0] == credential.handle:
            raise self._reader_problem(operation, self._reader_refused[1])
        for session in self._transport.sessions(operation, where):
            try:
                session.bind(credential, self._sign_in_name(credential), operation)
            except Unreachable:
                # No verdict was given: the next controller may be asked.
                session.close()
                continue
            except SignInRefused as refusal:
                session.close()
                reason = refusal.reason
            else:
                return session
            if reason is SignInReason.WRONG_PASSWORD:
                self._reader_refused = (credential.handle, reason)
            break
        else:  # pragma: no cover - the transport raises when it has no controller left
            reason = SignInReason.OTHER
        raise self._reader_problem(operation, reason)

    def _reader_problem(self, operation: str, reason: SignInReason) -> NotPermitted:
        """Return the reader's own trouble; SignInRefused is kept for the account that is asked about."""
        return NotPermitted(
            SYSTEM,
            operation,
            directory=self._settings.name,
            reader=self._settings.reader,
            reason=reason.value,
            advice="The reader identity of this directory does not sign in: correct its secret or "
            f"its account ({self._settings.reader}), then start the update again.",
        )
