"""Who signs in: the account that is asked about, the reader that looks, the setter that sets passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from connectors.active_directory import budget
from connectors.active_directory.errors import SYSTEM
from connectors.active_directory.names import sign_in_name
from connectors.active_directory.session import Session
from connectors.active_directory.settings import DirectorySettings
from connectors.active_directory.transport import Transport
from connectors.errors import (
    InvalidInput,
    NotPermitted,
    SignInReason,
    SignInRefused,
    Unreachable,
)
from connectors.models import Credential, SecretHandle

if TYPE_CHECKING:
    from connectors.protocols import SecretSource


class Identities:
    """Sign in whoever a job needs, with one bind each, on the controller that was asked for.

    SignInRefused is always about the account that is asked about: a reader or a setter that does not
    sign in is NotPermitted, and its wrong password is remembered, so that it is tried once only.
    """

    def __init__(self, settings: DirectorySettings, secrets: SecretSource) -> None:
        self._settings = settings
        self._secrets = secrets
        self._transport = Transport(settings)
        self._refused: dict[SecretHandle, SignInReason] = {}  # wrong passwords of reader and setter

    def name_of(self, credential: Credential) -> str:
        """Return the name that a bind as this account takes."""
        return sign_in_name(credential.username, self._settings.domain)

    @contextmanager
    def account(
        self, handle: SecretHandle, operation: str, where: str | None = None
    ) -> Iterator[tuple[Session, Credential]]:
        """Sign in as an account, when there is budget for it."""
        credential = self._secrets.credential(handle)
        with self._signed_in(credential, handle, operation, where) as session:
            yield session, credential

    @contextmanager
    def setter(
        self, operation: str, where: str | None = None
    ) -> Iterator[tuple[Session, Credential]]:
        """Sign in as the setter, when there is one and budget for it."""
        handle = self._settings.setter
        if handle is None:
            raise self._no_setter(operation)
        credential = self._secrets.credential(handle)
        reason = self._refused.get(credential.handle)
        session = None
        if reason is None:
            try:
                session = self._signed_in(credential, handle, operation, where)
            except SignInRefused as refusal:
                reason = refusal.reason
        if session is None:
            raise self._problem("setter", credential, operation, reason)
        with session:
            yield session, credential

    def stranger(self, operation: str, where: str) -> Session:
        """Connect to one controller without signing in."""
        return next(self._transport.sessions(operation, where))

    def reader(self, operation: str, where: str | None = None) -> Session:
        """Sign in as the reader on the first controller that gives a verdict."""
        credential = self._secrets.credential(self._settings.reader)
        if credential.handle in self._refused:
            raise self._problem("reader", credential, operation, self._refused[credential.handle])
        reason = None
        for session in self._transport.sessions(operation, where):
            try:
                session.bind(credential, self.name_of(credential), operation)
            except Unreachable:
                # No verdict was given: the next controller may be asked.
                session.close()
                continue
            except SignInRefused as refusal:
                session.close()
                reason = refusal.reason
            else:
                return session
            break
        raise self._problem("reader", credential, operation, reason)

    def _signed_in(
        self, credential: Credential, handle: SecretHandle, operation: str, where: str | None
    ) -> Session:
        """Sign in with exactly one bind, after the reader has looked at the same controller."""
        name = self.name_of(credential)
        reader = self._settings.reader
        if (handle.mount, handle.path) != (reader.mount, reader.path):
            with self.reader(operation, where) as looking:
                budget.require_budget(looking, self._settings, name, operation)
                where = looking.where
        session = next(self._transport.sessions(operation, where))
        try:
            session.bind(credential, name, operation)
        except BaseException:
            session.close()
            raise
        return session

    def _problem(
        self, role: str, credential: Credential, operation: str, reason: SignInReason | None
    ) -> NotPermitted:
        """Return the trouble of an identity of ours, and remember a password that is wrong."""
        if reason is SignInReason.WRONG_PASSWORD:
            self._refused[credential.handle] = reason
        place = getattr(self._settings, role)
        return NotPermitted(
            SYSTEM,
            operation,
            directory=self._settings.name,
            reason=(reason or SignInReason.OTHER).value,
            advice=f"The {role} identity of this directory does not sign in: correct its secret or "
            f"its account ({place}), then start the update again.",
            **{role: place},
        )

    def _no_setter(self, operation: str) -> InvalidInput:
        return InvalidInput(
            SYSTEM,
            operation,
            directory=self._settings.name,
            field="setter",
            advice="No identity may set passwords here: name one as setter of the directory "
            f"{self._settings.name} in the inventory, then start the update again.",
        )
