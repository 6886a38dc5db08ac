"""A tenant in memory: one account, its roles, one password sign-in, and the grants of one app."""

from __future__ import annotations

from collections.abc import Sequence

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
    Permission,
    PermissionKind,
    ProbeVerdict,
    RoleFacts,
    RoleHolding,
    SignInPolicies,
)
from connectors.errors import NotPermitted
from connectors.models import SecretHandle
from tests.fakes.directory import START
from tests.fakes.telling import Told

APP = EntraApp("app-1", "sp-1", "The App", enabled=True)
GRAPH = "00000003-0000-0000-c000-000000000000"
GLOBAL = RoleHolding("62e90394-69f5-4237-9190-012177145e10", "Global Administrator", "direct")


class FakeTenant(Told):
    """One tenant, in which everything is as it must be until a test says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.user = EntraAccount("u-1", "svc@contoso.example", True, True, None)
        self.roles = RoleFacts((GLOBAL,), ())
        self.policies = SignInPolicies(False, (), (), ())
        self.probe = PasswordProbe(self.user.upn, ProbeVerdict.VALID, (), "corr-1", START)
        self.apps: tuple[EntraApp, ...] = (APP,)
        self.presence = AppPresence((APP,), (), (), ())
        self.complete = True
        self.users: dict[str, EntraUser] = {}
        self.has_validator = True
        self.withheld: set[str] = set()
        self.granted_more: dict[str, GrantedHow] = {}

    @property
    def tries_per_version(self) -> int:
        """As in a tenant of the public cloud."""
        return 3

    @property
    def wrong_sign_ins_an_hour(self) -> int:
        """As in a tenant of the public cloud."""
        return 3

    def account(self, upn: str) -> EntraAccount:
        """Read the connection account."""
        return self.act("account", lambda: self.user)

    def role_facts(self, account_id: str) -> RoleFacts:
        """Read its directory roles: direct, through groups, eligible; and what could not be read."""
        return self.act("role_facts", lambda: self.roles)

    def sign_in_policies(self, account_id: str, held: RoleFacts) -> SignInPolicies:
        """Read which policies could stop its password sign-ins."""
        return self.act("sign_in_policies", lambda: self.policies)

    def probe_password(self, account: SecretHandle) -> PasswordProbe:
        """Sign in with the password exactly once and classify the answer."""
        return self.act("probe_password", lambda: self.probe)

    def find_apps(self, display_name: str) -> tuple[EntraApp, ...]:
        """Find enterprise applications by display name; several may share one."""
        return self.act("find_apps", lambda: self.apps)

    def app_presence(self, display_name: str, resources: Sequence[str]) -> AppPresence:
        """Read what there is under an app's name."""
        return self.act("app_presence", lambda: self.presence)

    def find_user(self, upn: str) -> EntraUser | None:
        """Look for one user by UPN; None when it is not there."""
        return self.act("find_user", lambda: self.users.get(upn))

    def test_users(self, place: str, prefix: str) -> tuple[EntraUser, ...]:
        """List the users whose name starts with the prefix."""
        return self.act(
            "test_users", lambda: tuple(u for u in self.users.values() if u.upn.startswith(prefix))
        )

    def create_user(self, upn: str, display_name: str) -> EntraUser:
        """Create a user as the validator."""

        def create() -> EntraUser:
            if not self.has_validator:
                raise NotPermitted("entra", "create user", identity="validator")
            self.users[upn] = EntraUser(f"id-{upn}", upn, display_name, None)
            return self.users[upn]

        return self.act("create_user", create)

    def delete_user(self, user_id: str) -> None:
        """Soft-delete the user as the validator."""

        def delete() -> None:
            if not self.has_validator:
                raise NotPermitted("entra", "delete user", identity="validator")
            self.users = {n: u for n, u in self.users.items() if u.id != user_id}

        self.act("delete_user", delete)

    def consent_facts(
        self, app_id: str, account_id: str, manifest: ConsentManifest
    ) -> ConsentFacts:
        """Read the grants of the app until two consecutive complete reads agree."""

        def read() -> ConsentFacts:
            grants = tuple(
                Grant(
                    item,
                    GrantedHow.APPLICATION
                    if item.kind is PermissionKind.APPLICATION
                    else GrantedHow.CONNECTION_ACCOUNT,
                )
                for item in sorted(manifest.permissions)
                if item.value not in self.withheld
            )
            grants += tuple(
                Grant(Permission(GRAPH, "Microsoft Graph", PermissionKind.DELEGATED, value), how)
                for value, how in self.granted_more.items()
            )
            unread = () if self.complete else ("the grants could not be read",)
            return ConsentFacts(APP, grants, (), (), self.complete, unread)

        return self.act("consent_facts", read)
