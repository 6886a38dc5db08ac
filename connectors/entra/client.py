"""One tenant, as the procedure needs it: proofs and observations, and the test users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx

from connectors.entra.apps import app_presence
from connectors.entra.auth import Tokens
from connectors.entra.authority import AuthorityFacts, look_at_authority
from connectors.entra.bringing_about import BringingAbout
from connectors.entra.errors import lacks
from connectors.entra.granted import ConsentHistory
from connectors.entra.grants import consent_facts, find_apps
from connectors.entra.graph import Graph
from connectors.entra.history import consent_history
from connectors.entra.models import (
    AppPresence,
    ConsentFacts,
    ConsentManifest,
    EntraAccount,
    EntraApp,
    EntraUser,
    PasswordProbe,
    RoleFacts,
    SetterCheck,
    SignInPolicies,
)
from connectors.entra.passwords import Passwords, await_change
from connectors.entra.policies import sign_in_policies
from connectors.entra.polling import Timing
from connectors.entra.probe import PasswordProber
from connectors.entra.remediator import Remediator
from connectors.entra.roles import role_facts
from connectors.entra.setter import check_setter
from connectors.entra.settings import SYSTEM, AppIdentity, TenantSettings
from connectors.entra.users import Users, deleted_user, find_user, read_account, test_users
from connectors.errors import InvalidInput, NotFound, NotPermitted, Refused
from connectors.http import build_client
from connectors.models import SecretHandle
from connectors.protocols import SecretSource
from connectors.tls import tls_context


class EntraClient:
    """Keeps ``TenantService`` for one tenant. Nothing is sent before the first call.

    One instance per run: it holds the run's budget of password probes. ``transport`` and ``timing`` are
    the test seams. Raises InvalidInput when the CA file cannot be read.
    """

    def __init__(
        self,
        settings: TenantSettings,
        secrets: SecretSource,
        *,
        transport: httpx.BaseTransport | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._settings = settings
        self._timing = timing or Timing()
        self._transport = transport
        self._context = tls_context(settings.ca_file, SYSTEM)
        self._client = self._open()
        self._tokens = Tokens(settings, secrets, self._client)
        self._graph = self._acting(settings.verifier)
        writer, setter, changer = settings.validator, settings.setter, settings.remediator
        self._users = Users(self._acting(writer), self._timing) if writer else None
        self._passwords = Passwords(self._acting(setter), secrets, setter) if setter else None
        changes = self._acting(changer) if changer else None
        bring_about = BringingAbout(changes, self._timing, self._no_remediator)
        self.remediator = Remediator(self._graph, self._timing, bring_about)
        self._prober = PasswordProber(settings, secrets, self._open, self._timing)

    def _acting(self, identity: AppIdentity) -> Graph:
        return Graph(self._settings, self._client, self._tokens, identity)

    def _open(self) -> httpx.Client:
        # Full addresses are given with each request: there are two hosts.
        return build_client("", self._context, transport=self._transport)

    def close(self) -> None:
        """Close the connections; the instance is of no use afterwards."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def check(self) -> None:
        """Sign the verifier in anew; changes nothing. Raises what is wrong with the settings."""
        self._tokens.renew(self._settings.verifier)

    def authority(self) -> AuthorityFacts:
        """Look at the tenant's sign-in service without signing in.

        Raises Unreachable, and InvalidInput where it does not know the tenant.
        """
        return look_at_authority(self._client, self._settings)

    def permissions(self, role: str) -> frozenset[str] | None:
        """Sign in as ``verifier``, ``validator``, ``setter`` or ``remediator``; return its permissions.

        None where they cannot be told. Raises what is wrong with its credential, and InvalidInput without one.
        """
        return self._tokens.permissions(self._own(role))

    def certificate_ends(self, role: str) -> datetime | None:
        """Return until when the certificate of one of our identities is valid; None for a client secret."""
        return self._tokens.certificate_ends(self._own(role))

    def _own(self, role: str) -> AppIdentity:
        identity: AppIdentity | None = getattr(self._settings, role)
        if identity is None:
            raise lacks(self._settings, InvalidInput, "look at identity", role, "it does nothing")
        return identity

    def renew_tokens(self) -> None:
        """Fetch new tokens, so that permissions granted since the last ones are in them."""
        mine = self._settings
        for identity in (mine.verifier, mine.validator, mine.setter, mine.remediator):
            if identity is not None:
                self._tokens.renew(identity)

    def probe_password(self, account: SecretHandle) -> PasswordProbe:
        """Sign in with the password exactly once and classify the answer.

        Raises BudgetSpent before anything is sent, Unreachable when there was no answer, NotPermitted
        for a federated account. Facts: sections 3.3 and 4.
        """
        return self._prober.probe(account)

    @property
    def tries_per_version(self) -> int:
        """How often one refused password may be tried in all, because changes take time to spread.

        Smart lockout counts the same wrong password once, except with pass-through authentication.
        """
        return self._settings.probes_allowed

    @property
    def wrong_sign_ins_an_hour(self) -> int:
        """How many wrong passwords may be tried on an account in an hour, over all runs.

        Smart lockout begins at ten, in US Government at three; with pass-through authentication wrong
        ones count in the on-premises directory too.
        """
        return 2 if self._settings.probes_allowed == 1 else 3

    def account(self, upn: str) -> EntraAccount:
        """Read the connection account. Raises NotFound, NotPermitted, Unreachable."""
        return read_account(self._graph, upn)

    def connection_accounts(self) -> tuple[EntraAccount, ...]:
        """Read every connection account of the inventory in this tenant, but those that are not there."""
        found = []
        for upn in self._settings.accounts:
            with suppress(NotFound):
                found.append(read_account(self._graph, upn))
        return tuple(found)

    def role_facts(self, account_id: str) -> RoleFacts:
        """Read its directory roles, with what could not be read."""
        return role_facts(self._graph, account_id)

    def sign_in_policies(self, account_id: str, held: RoleFacts) -> SignInPolicies:
        """Read which policies could stop its password sign-ins; never raises for what cannot be read."""
        return sign_in_policies(self._graph, account_id, held)

    def find_apps(self, display_name: str) -> tuple[EntraApp, ...]:
        """Find enterprise applications by display name; several may share one."""
        return find_apps(self._graph, display_name)

    def app_presence(self, display_name: str, resources: Sequence[str]) -> AppPresence:
        """Read what there is under an app's name, in the recycle bin too, and of the resources it needs."""
        return app_presence(self._graph, display_name, resources)

    def consent_facts(
        self, app_id: str, account_id: str, manifest: ConsentManifest
    ) -> ConsentFacts:
        """Read the grants of the app until two consecutive complete readings agree.

        Never raises for what may not be read: it is named in ``unread`` and ``complete`` is False.
        """
        return consent_facts(self._graph, self._timing, app_id, account_id, manifest)

    def consent_history(self, app: EntraApp) -> ConsentHistory:
        """Read who consented to the app and when; what may not be read is named in ``unread``."""
        return consent_history(self._graph, app)

    def find_user(self, upn: str) -> EntraUser | None:
        """Look for one user by UPN, once; None when the directory does not show it (yet)."""
        return find_user(self._graph, upn)

    def deleted_user(self, upn: str, display_name: str) -> EntraUser | None:
        """Look for a deleted user in the recycle bin; None when it is not there, or not yet."""
        return deleted_user(self._graph, upn, display_name)

    def test_users(self, domain: str, prefix: str) -> tuple[EntraUser, ...]:
        """List the users of this very domain whose name starts with the prefix, as the verifier."""
        return test_users(self._graph, domain, prefix)

    def create_user(self, upn: str, display_name: str) -> EntraUser:
        """Create a user with a random password that nobody keeps, and wait until it is visible.

        Raises Conflict when the name is taken, Unknown when the answer was lost.
        """
        return self._writer("create user").create(upn, display_name)

    def modify_user(self, user_id: str, attributes: Mapping[str, str]) -> None:
        """Update plain attributes, and wait until they are visible."""
        self._writer("modify user").modify(user_id, attributes)

    def delete_user(self, user_id: str) -> None:
        """Soft-delete the user; one that is already gone is success. Raises Unknown as create does."""
        self._writer("delete user").delete(user_id)

    def delete_test_users(self, domain: str, prefix: str, *, keep: str = "") -> tuple[str, ...]:
        """Soft-delete the users of this domain whose name starts with the prefix; return their UPNs.

        ``keep`` is the UPN of one that stays. The verifier looks, the validator deletes; none found is
        success without a validator too. Raises InvalidInput for a prefix under four characters,
        NotPermitted naming the users that nothing here may delete, Unknown (call again: it looks first).
        """

        def listed() -> tuple[EntraUser, ...]:
            found = test_users(self._graph, domain, prefix)
            return tuple(user for user in found if user.upn.casefold() != keep.casefold())

        if self._users is not None:
            return self._users.delete_listed(listed)
        left = listed()
        if not left:
            return ()
        raise NotPermitted(
            SYSTEM,
            "delete test users",
            tenant=self._settings.name,
            users=" ".join(user.upn for user in left),
            advice="Delete these users by hand: this tenant has no `validator` identity in the "
            "inventory, so nothing here may.",
        )

    def set_password(self, account_id: str, new: SecretHandle) -> None:
        """Set an account's password to the secret's, to be kept; setting it again is harmless.

        Raises NotPermitted, PolicyRefused, NotFound, Unreachable, and Unknown when the answer was lost.
        """
        self._setter("set password").set(account_id, new)

    def scramble_password(self, account_id: str) -> None:
        """Set an account's password to a random one that nobody keeps. Raises as set_password does."""
        self._setter("scramble password").scramble(account_id)

    def check_setter(self, account_id: str) -> SetterCheck:
        """Read whether the setter may set this account's password, and what could not be read.

        Raises InvalidInput when the tenant has no setter, Unreachable, and NotFound when the account's
        roles decide and there is no such account.
        """
        setter = self._settings.setter
        if setter is None:
            raise lacks(
                self._settings, InvalidInput, "check setter", "setter", "it sets no password"
            )
        return check_setter(self._graph, setter.client_id, account_id)

    def await_password_change(self, upn: str, before: datetime | None) -> datetime | None:
        """Read the account until two reads in a row show a password change later than ``before``.

        Returns its time; None when the tenant does not show it within two minutes.
        """
        return await_change(self._graph, self._timing, upn, before)

    def _writer(self, operation: str) -> Users:
        if self._users is None:
            raise lacks(
                self._settings, NotPermitted, operation, "validator", "nothing here may change it"
            )
        return self._users

    def _setter(self, operation: str) -> Passwords:
        if self._passwords is None:
            raise lacks(
                self._settings, NotPermitted, operation, "setter", "nothing here may set a password"
            )
        return self._passwords

    def _no_remediator(self, operation: str) -> Refused:
        so = "nothing here may change a grant"
        return lacks(self._settings, NotPermitted, operation, "remediator", so)
