"""The accounts of a connection where they live: the same questions to a domain and to a tenant."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from connectors.active_directory.models import AccountState
from connectors.entra.models import EntraAccount
from connectors.entra.roles import ELIGIBLE, shown
from connectors.errors import NotPermitted, SignInReason, SignInRefused, Unreachable
from connectors.models import Extension, Finding, Presence, SecretHandle
from connectors.protocols import Systems
from connectors.rotation import Setting
from report.record import current_record
from tasks._wait import CLOCK
from tasks.identify import Location

CLOCKS_APART = timedelta(minutes=5)
"""How far the clocks of a worker and a domain controller may be apart, and a request may take."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One account as its directory shows it, read by another identity."""

    id: str  # distinguished name, or object id
    name: str
    password_set: datetime | None
    where: str | None = None  # the domain controller that was asked


class Home(Protocol):
    """A domain or a tenant, as a rotation needs it."""

    def look(self, account: str, where: str | None = None) -> Seen:
        """Read an account; raise SignInRefused when nobody could sign in with any password."""

    def newest(self, account: str) -> Seen:
        """Read an account where its newest change is known; raise as ``look`` does."""

    def shown_set(self, account: str, setting: Setting) -> Seen | None:
        """Return the account where a change since ``setting`` shows; None when it shows nowhere."""

    def surely_unset(self, account: str, setting: Setting) -> bool:
        """Say whether a change that was begun has certainly not been made, here or anywhere.

        Not seeing it is not enough where what is read may be old. Raises Unreachable.
        """

    def require_setter(self, seen: Seen) -> None:
        """Raise NotPermitted when the setter identity is known to lack the right to set this password."""

    def set_password(self, seen: Seen, new: SecretHandle) -> str | None:
        """Set the password; return the domain controller that took it."""

    def scramble_password(self, seen: Seen) -> None:
        """Set a random password that nobody keeps."""

    def await_change(self, account: str, setting: Setting, where: str | None) -> datetime | None:
        """Wait until a password that was set shows, before a sign-in is spent on it; return its date."""

    def may_be_ours(self, shown: datetime | None, setting: Setting) -> bool:
        """Say whether a change that shows may be the one that was asked for, by its date."""


def home_of(systems: Systems, location: Location) -> Home:
    """Return the domain or tenant of a connection's accounts."""
    if location.extension is Extension.ACTIVE_DIRECTORY:
        return Domain(systems, location)
    return Tenancy(systems, location)


class Domain:
    """An Active Directory domain."""

    def __init__(self, systems: Systems, location: Location) -> None:
        self._directory = systems.directory(location.in_directory.directory)

    def look(self, account: str, where: str | None = None) -> Seen:
        """Read an account on one controller; raise SignInRefused when it is disabled, expired or locked.

        An expired password is no obstacle: a new one is about to be set.
        """
        state = self._directory.account_state(account, where=where)
        reason = _reason(state)
        if reason:
            raise SignInRefused(
                "active directory",
                "look at the account",
                reason=reason,
                account=account,
                controller=state.read_from,
                advice=_ADVICE[reason],
            )
        return Seen(state.dn, account, state.password_last_set, state.read_from)

    def newest(self, account: str) -> Seen:
        """Read an account on the first controller that answers, or on one that shows a later change of the password.

        On one that has missed changes a new password would lose against them when they replicate. Raises what
        ``look`` raises; another controller that does not answer is passed over.
        """
        first = newest = self.look(account)
        for where in self._directory.controllers:
            with suppress(Unreachable):
                if where != first.where and self._shows_later(account, where, newest):
                    newest = self.look(account, where)
        return newest

    def _shows_later(self, account: str, where: str, than: Seen) -> bool:
        shown = self._directory.account_state(account, where=where).password_last_set
        return (shown or _NEVER) > (than.password_set or _NEVER)

    def shown_set(self, account: str, setting: Setting) -> Seen | None:
        """Return the account where a change shows: on the controller that was asked, else on any other.

        Raises Unreachable when no controller answers.
        """
        controllers = self._directory.controllers
        asked = setting.where if setting.where in controllers else None
        others = [where for where in controllers if where != asked]
        unreachable: Unreachable | None = None
        answered = False
        for where in (asked, *others) if asked else others:
            try:
                seen = self.look(account, where)
            except Unreachable as error:
                unreachable = error.sealed()
                continue
            answered = True
            if where == asked:
                # The controller that was asked knows best.
                return seen if seen.password_set != setting.before else None
            if _later(seen, setting):
                return seen
        if unreachable and not answered:
            raise unreachable
        return None

    def surely_unset(self, account: str, setting: Setting) -> bool:
        """Say whether every controller answers, the one that was asked among them, and shows no change."""
        controllers = self._directory.controllers
        shown = [self.look(account, where).password_set for where in controllers]
        before = setting.before or _NEVER
        return setting.where in controllers and all((it or _NEVER) <= before for it in shown)

    def require_setter(self, seen: Seen) -> None:
        """Raise NotPermitted when the setter lacks Reset Password on the account."""
        check = self._directory.may_set_password(seen.id)
        if check.presence is Presence.UNTOLD:
            current_record().here().leave_unchecked(
                f"the setter's right to reset the password of {seen.name}: {check.how}"
            )
        if check.presence is Presence.MISSING:
            raise NotPermitted(
                "active directory",
                "preflight",
                right="Reset Password",
                account=seen.name,
                setter=check.account,
                seen=check.how,
                advice="Run as a domain administrator: dsacls "
                f'"{seen.id}" /G "{check.account}:CA;Reset Password"; for all connection accounts at once '
                "delegate it on their organizational unit (docs/identities.md).",
            )

    def set_password(self, seen: Seen, new: SecretHandle) -> str | None:
        """Set the password on the controller where the account was looked at."""
        return self._directory.set_password(seen.id, new, where=seen.where)

    def scramble_password(self, seen: Seen) -> None:
        """Set a random password that nobody keeps, and another one.

        The directory accepts the previous password for another hour; after the second one, that is the
        first random one.
        """
        for _ in range(2):
            self._directory.scramble_password(seen.id, where=seen.where)

    def await_change(self, account: str, setting: Setting, where: str | None) -> datetime | None:
        """Return the date at once: the controller that took a password knows it."""
        return self.look(account, where or setting.where).password_set

    def may_be_ours(self, shown: datetime | None, setting: Setting) -> bool:
        """Say whether the date is the one that was shown after the request, or lies near it: signing in proves little.

        For an hour the directory accepts the password before the newest one, so the staged password may
        sign in although somebody has changed it since.
        """
        if shown is None:
            return True
        if setting.after is not None:
            return shown <= setting.after
        return abs(shown - setting.at) < CLOCKS_APART


class Tenancy:
    """An Entra ID tenant."""

    def __init__(self, systems: Systems, location: Location) -> None:
        self._tenant = systems.tenant(location.in_tenant.tenant)

    def look(self, account: str, where: str | None = None) -> Seen:
        """Read an account; raise SignInRefused when it is disabled, NotPermitted when it is synchronised."""
        found = self._tenant.account(account)
        if not found.enabled:
            raise SignInRefused(
                "entra",
                "look at the account",
                reason=SignInReason.DISABLED,
                account=account,
                advice=_ADVICE[SignInReason.DISABLED],
            )
        if not found.cloud_only:
            raise NotPermitted(
                "entra",
                "look at the account",
                account=account,
                advice="This account is synchronised from Active Directory, where its password lives: rotate "
                "it there, or use a cloud-only account as the vendor asks.",
            )
        return Seen(found.id, account, found.password_last_changed, where)

    def newest(self, account: str) -> Seen:
        """Read an account; a tenant is asked as one."""
        return self.look(account)

    def shown_set(self, account: str, setting: Setting) -> Seen | None:
        """Return the account when a change shows."""
        seen = self.look(account)
        return seen if _later(seen, setting) else None

    def surely_unset(self, account: str, setting: Setting) -> bool:
        """Say whether no change shows an hour later: until then a read may be older than the change."""
        late = CLOCK.get().utc() - setting.at > _SETTLED
        return late and self.shown_set(account, setting) is None

    def require_setter(self, seen: Seen) -> None:
        """Raise NotPermitted when the setter lacks its permission, or the role that outranks the account."""
        check = self._tenant.check_setter(seen.id)
        for unread in check.unread:
            current_record().here().leave_unchecked(f"the setter of {seen.name}: {unread}")
        if check.findings:
            raise NotPermitted(
                "entra",
                "preflight",
                account=seen.name,
                lacks="; ".join(finding.subject for finding in check.findings),
                advice=" ".join(finding.what_to_do() for finding in check.findings),
            )

    def set_password(self, seen: Seen, new: SecretHandle) -> str | None:
        """Set the password, to be kept."""
        self._tenant.set_password(seen.id, new)
        return None

    def scramble_password(self, seen: Seen) -> None:
        """Set a random password that nobody keeps."""
        self._tenant.scramble_password(seen.id)

    def may_be_ours(self, shown: datetime | None, setting: Setting) -> bool:  # noqa: ARG002  the same question
        """Say yes: the tenant accepts the newest password only, so signing in tells; dates may be old ones."""
        return True

    def await_change(self, account: str, setting: Setting, where: str | None) -> datetime | None:  # noqa: ARG002
        """Wait until two reads in a row show the change; where none does, the sign-in decides.

        The tenant's dates are whole seconds: after a change a moment before, a new one may not show as later.
        """
        if setting.before is not None and setting.at - setting.before < _ONE_DATE:
            return None
        shown = self._tenant.await_password_change(account, setting.before)
        if shown is None:
            current_record().here().find(
                Finding(
                    "entra.change-not-shown",
                    account,
                    "The tenant took the new password, and does not show the change after two minutes.",
                    "Nothing is due when the sign-in that follows is accepted.",
                )
            )
        return shown

    def roles(self, account: str) -> tuple[EntraAccount, frozenset[str]]:
        """Return an account and the names of its active roles."""
        found = self._tenant.account(account)
        facts = self._tenant.role_facts(found.id)
        return found, frozenset(shown(item) for item in facts.holdings if item.how != ELIGIBLE)


def _later(seen: Seen, setting: Setting) -> bool:
    """Say whether a later change shows; an earlier one comes from a replica that lags behind."""
    if seen.password_set is None or setting.before is None:
        return seen.password_set != setting.before
    return seen.password_set > setting.before


_NEVER = datetime.min.replace(tzinfo=UTC)
_ONE_DATE = timedelta(seconds=2)
_SETTLED = timedelta(hours=1)
"""After so long every reader of a tenant is taken to know of a change; Microsoft promises no number."""


def _reason(state: AccountState) -> SignInReason | None:
    if state.locked:
        return SignInReason.LOCKED
    return None if state.enabled else SignInReason.DISABLED


_ADVICE = {
    SignInReason.LOCKED: "Find what signs in with a wrong password, unlock the account (Unlock-ADAccount), "
    "then start again; a new password does not unlock it, and none was set.",
    SignInReason.DISABLED: "Enable the account, then start again; no password was set.",
}
