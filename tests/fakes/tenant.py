"""A tenant in memory: one account, its roles, one password sign-in, and the grants of one app."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.entra.granted import AssignedRole, ConsentHistory, DelegatedGrant, Place
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
from connectors.entra.remediation import ConsentChange, ConsentSnapshot, Permit, RemediationPlan
from connectors.errors import NeedsPerson, NotPermitted, OutOfStep
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
        self.deleted: dict[str, EntraUser] = {}
        self.has_validator = True
        self.withheld: set[str] = set()
        self.organization: set[str] = set()  # delegated permissions granted for everybody
        self.history = ConsentHistory(())
        self.now = START
        self.remediator = FakeRemediator(self)
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

    def connection_accounts(self) -> tuple[EntraAccount, ...]:
        """Read every connection account in this tenant."""
        return self.act("connection_accounts", lambda: (self.user,))

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

    def consent_history(self, app: EntraApp) -> ConsentHistory:
        """Read who consented to the app and when."""
        return self.act("consent_history", lambda: self.history)

    def app_presence(self, display_name: str, resources: Sequence[str]) -> AppPresence:
        """Read what there is under an app's name."""
        return self.act("app_presence", lambda: self.presence)

    def find_user(self, upn: str) -> EntraUser | None:
        """Look for one user by UPN; None when it is not there."""
        return self.act("find_user", lambda: self.users.get(upn))

    def delete_test_users(self, domain: str, prefix: str, *, keep: str = "") -> tuple[str, ...]:
        """Soft-delete the users whose name starts with the prefix, but one."""
        return self.act(
            "delete_test_users",
            lambda: tuple(
                self.users.pop(upn).upn
                for upn in list(self.users)
                if upn.startswith(prefix) and upn != keep
            ),
        )

    def deleted_user(self, upn: str, display_name: str) -> EntraUser | None:
        """Look for a deleted user in the recycle bin."""
        return self.act("deleted_user", lambda: self.deleted.get(upn))

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
        return self.act("consent_facts", lambda: self._facts(manifest))

    def _facts(self, manifest: ConsentManifest) -> ConsentFacts:
        held = [item for item in sorted(manifest.permissions) if item.value not in self.withheld]
        wide = [
            item
            for item in sorted(manifest.permissions)
            if item.kind is PermissionKind.DELEGATED and item.value in self.organization
        ]
        grants = [Grant(item, _HOW[item.kind]) for item in held]
        grants += [Grant(item, GrantedHow.ORGANIZATION) for item in wide]
        grants += [
            Grant(Permission(GRAPH, "Microsoft Graph", PermissionKind.DELEGATED, value), how)
            for value, how in self.granted_more.items()
        ]
        unread = () if self.complete else ("the grants could not be read",)
        return ConsentFacts(
            APP,
            tuple(grants),
            (),
            (),
            self.complete,
            unread,
            delegated=(*self._delegated(held, self.user.id), *self._delegated(wide, "")),
            roles=tuple(
                AssignedRole(f"held-{item.value}", _resource(item), f"role-{item.value}")
                for item in held
                if item.kind is PermissionKind.APPLICATION
            ),
            offered=tuple(
                (item, Place(_resource(item), f"role-{item.value}"))
                for item in sorted(manifest.permissions)
            ),
        )

    def _delegated(self, held: list[Permission], principal: str) -> tuple[DelegatedGrant, ...]:
        scopes: dict[str, list[str]] = {}
        for item in held:
            if item.kind is PermissionKind.DELEGATED:
                scopes.setdefault(_resource(item), []).append(item.value)
        return tuple(
            DelegatedGrant(f"{principal or 'wide'}-{resource}", resource, principal, tuple(values))
            for resource, values in sorted(scopes.items())
        )


class FakeRemediator:
    """Keeps ConsentRemediator in the fake tenant's memory; the tenant writes down and tells it to fail."""

    def __init__(self, tenant: FakeTenant) -> None:
        self._tenant = tenant

    def snapshot(self, plan: RemediationPlan) -> ConsentSnapshot:
        """Read everything that is granted to the app."""

        def read() -> ConsentSnapshot:
            facts = self._tenant._facts(plan.manifest)
            return ConsentSnapshot(
                self._tenant.now,
                plan.digest,
                APP.app_id,
                APP.service_principal_id,
                plan.account.id,
                facts.delegated,
                facts.roles,
            )

        return self._tenant.act("snapshot", read)

    def grant_for_account(self, plan: RemediationPlan, permit: Permit) -> tuple[ConsentChange, ...]:
        """Grant the plan's delegated permissions for the connection account."""
        wanted = [item.value for grant in plan.for_account for item in grant.adds]
        return self._grant("grant_for_account", wanted, permit)

    def grant_to_application(
        self, plan: RemediationPlan, permit: Permit
    ) -> tuple[ConsentChange, ...]:
        """Grant the plan's application permissions."""
        wanted = [grant.permission.value for grant in plan.to_application]
        return self._grant("grant_to_application", wanted, permit)

    def withdraw_from_organization(
        self, plan: RemediationPlan, permit: Permit
    ) -> tuple[ConsentChange, ...]:
        """Delete the plan's grants for everybody, only while the account holds what they gave."""
        scopes = [scope for item in plan.withdrawals for scope in item.scopes]
        needed = {scope for item in plan.withdrawals for scope in item.needed}

        def withdraw() -> tuple[ConsentChange, ...]:
            if needed & self._tenant.withheld:
                raise OutOfStep("entra", "withdraw grants", scopes=" ".join(sorted(needed)))
            return tuple(self._once(scope, permit, self._tenant.organization) for scope in scopes)

        return self._tenant.act("withdraw_from_organization", withdraw)

    def restore_consent(
        self, snapshot: ConsentSnapshot, permit: Permit
    ) -> tuple[ConsentChange, ...]:
        """Put back the grants for everybody that a snapshot shows."""

        def put_back() -> tuple[ConsentChange, ...]:
            permit.before_each_change()
            wide = {s for grant in snapshot.grants if grant.for_everybody for s in grant.scopes}
            self._tenant.organization |= wide
            return tuple(ConsentChange(scope, "wide") for scope in sorted(wide))

        return self._tenant.act("restore_consent", put_back)

    def _grant(self, method: str, wanted: list[str], permit: Permit) -> tuple[ConsentChange, ...]:
        return self._tenant.act(
            method,
            lambda: tuple(self._once(value, permit, self._tenant.withheld) for value in wanted),
        )

    def _once(self, value: str, permit: Permit, left: set[str]) -> ConsentChange:
        """Take a value out of what is left to do, if it is there."""
        if value not in left:
            return ConsentChange(value, "fake", already=True)
        if self._tenant.now >= permit.until:
            raise NeedsPerson("entra", "remedy consent", until=permit.until)
        permit.before_each_change()
        left.discard(value)
        return ConsentChange(value, "fake")


_HOW = {
    PermissionKind.APPLICATION: GrantedHow.APPLICATION,
    PermissionKind.DELEGATED: GrantedHow.CONNECTION_ACCOUNT,
}


def _resource(permission: Permission) -> str:
    return f"sp-of-{permission.resource_app_id}"
