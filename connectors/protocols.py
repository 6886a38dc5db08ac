"""What the procedure needs from the outside world, one small Protocol per need.

Every method either returns, or raises an error of ``connectors.errors`` and nothing else. Credentials go
in as handles; a connector reads the value from its SecretSource at the moment of use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from connectors.active_directory.models import (
    AccountState,
    DirectoryUser,
    LockoutPolicy,
    RightCheck,
)
from connectors.console import (
    ConsentPages,
    Console,
    ConsoleDriver,
    CredentialEditor,
    ProductOperations,
)
from connectors.entra.granted import ConsentHistory
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
from connectors.entra.remediation import ConsentChange, ConsentSnapshot, Permit, RemediationPlan
from connectors.ledger import Ledger
from connectors.models import Credential, SecretHandle, SecretVersion, SignIn
from connectors.secret import Secret
from connectors.vault.models import Approval, SecretMetadata, Staged


class SecretSource(Protocol):
    """Where connectors fetch secret values at the moment of use."""

    def credential(self, handle: SecretHandle) -> Credential:
        """Read ``username`` and ``password`` of one version, or of the latest."""

    def document(self, handle: SecretHandle) -> Mapping[str, Secret]:
        """Read every field of one version, each closed; for app secrets and certificates."""


class SecretCatalogue(Protocol):
    """What is known about secrets without reading them."""

    def metadata(self, handle: SecretHandle, *, index: str | None = None) -> SecretMetadata:
        """Read versions and dates of a secret; the handle's own version is ignored.

        ``index`` is the state that the answer must include, as an event told it (Vault Enterprise).
        """


class SecretStore(Protocol):
    """Where the orchestrator keeps the passwords that it makes itself; a value never leaves the store."""

    def stage(self, place: SecretHandle, username: str, policy: str, rotation: str) -> Staged:
        """Make a password by a password policy and keep it create-once; what is there already stays."""

    def promote(
        self, staged: SecretHandle, current: SecretHandle, expected_version: int
    ) -> SecretVersion:
        """Copy a staged credential over the version that consumers read, by check-and-set.

        One that was promoted before is success. Raises Conflict when somebody else wrote in between.
        """

    def discard(self, place: SecretHandle) -> None:
        """Remove a staged secret and all its versions; one that is already gone is success."""

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Read what this identity may do at each API path."""


class StaticRoles(Protocol):
    """Passwords that Vault itself rotates in a directory (LDAP secrets engine)."""

    def rotate_static_role(self, role: SecretHandle) -> SecretVersion:
        """Let Vault rotate the account of a static role now; return the new version.

        An answer of Vault that says nothing about the directory is observed, never repeated blindly.
        """


class ApprovalBook(Protocol):
    """Where people approve under their own names."""

    def approvals(self, place: SecretHandle, key: str) -> tuple[Approval, ...]:
        """Read what people have written about a form or plan, each below the own folder, oldest first."""


class SecretVault(SecretSource, SecretCatalogue, SecretStore, StaticRoles, ApprovalBook, Protocol):
    """A Vault that gives out secrets, knows their versions, and keeps new ones."""


class LedgerStore(Protocol):
    """Where the ledgers of connections are kept, and beside them the passwords that wait."""

    def pending(self, connection: str, rotation: str) -> SecretHandle:
        """Name where the new password of one rotation waits."""

    def read(self, connection: str) -> Ledger:
        """Read a ledger; an empty one with fence 0 where there is none yet."""

    def fence(self, connection: str) -> int:
        """Read only the version that a ledger is at; 0 where there is none yet."""

    def write(self, ledger: Ledger) -> Ledger:
        """Write a changed ledger over the version it was read at; raise Superseded when it moved on."""


class Directory(Protocol):
    """Active Directory: proofs and observations. Nothing here modifies anything."""

    @property
    def controllers(self) -> tuple[str, ...]:
        """The domain controllers of the inventory, in its order."""

    @property
    def base_dn(self) -> str:
        """The head of the domain."""

    def sign_in(self, account: SecretHandle, *, where: str | None = None) -> SignIn:
        """Bind with the credential on a fresh connection, once; raise SignInRefused with the reason.

        ``where`` asks for one controller.
        """

    def account_state(self, username: str, *, where: str | None = None) -> AccountState:
        """Read an account (UPN, sAMAccountName or DOMAIN-backslash-name) as the reader identity."""

    def lockout_policy(self, username: str) -> LockoutPolicy:
        """Read the policy in force for the account: its password settings object, else the domain's."""

    def rights(
        self,
        account: SecretHandle,
        container: str,
        *,
        managed: Sequence[str] = (),
        where: str | None = None,
    ) -> tuple[RightCheck, ...]:
        """Predict what validation needs in a container, signed in as the account, modifying nothing.

        In every ``managed`` base also what the vendor documents for a managed domain.
        """

    def find_user(self, username: str) -> DirectoryUser | None:
        """Look for one user by sAMAccountName as the reader identity; None when it is not there."""

    def test_users(self, container: str, prefix: str) -> tuple[DirectoryUser, ...]:
        """List the users directly in the container whose name starts with the prefix, as the reader."""


class DirectoryUsers(Protocol):
    """Active Directory: user operations, carried out as the given account."""

    def create_user(self, account: SecretHandle, container: str, username: str) -> DirectoryUser:
        """Create an enabled test user with a random password that nobody keeps."""

    def reset_password(self, account: SecretHandle, dn: str) -> None:
        """Set another random password that nobody keeps."""

    def modify_user(self, account: SecretHandle, dn: str, attributes: Mapping[str, str]) -> None:
        """Replace single-valued attributes."""

    def delete_user(self, account: SecretHandle, dn: str) -> None:
        """Delete the user; one that is already gone is success."""

    def delete_test_users(
        self, account: SecretHandle, container: str, prefix: str, *, keep: str = ""
    ) -> tuple[str, ...]:
        """Delete the users directly in the container whose name starts with the prefix, but ``keep``."""


class DirectoryPasswords(Protocol):
    """Active Directory: setting passwords of connection accounts, as the setter identity."""

    def set_password(self, dn: str, new: SecretHandle, *, where: str | None = None) -> str:
        """Reset an account's password to the secret's; return the controller that took it.

        Setting the same secret again is harmless. Raises NotPermitted, PolicyRefused, NotFound,
        Unreachable, and Unknown when the answer was lost.
        """

    def scramble_password(self, dn: str, *, where: str | None = None) -> str:
        """Reset an account's password to a random one that nobody keeps; return the controller."""

    def may_set_password(self, dn: str) -> RightCheck:
        """Predict whether the setter may reset this account's password, modifying nothing."""


class Tenant(Protocol):
    """Entra ID: proofs and observations as the verifier. Nothing here modifies anything."""

    def probe_password(self, account: SecretHandle) -> PasswordProbe:
        """Sign in with the password exactly once and classify the answer."""

    @property
    def tries_per_version(self) -> int:
        """How often one refused password may be tried in all, because changes take time to spread."""

    @property
    def wrong_sign_ins_an_hour(self) -> int:
        """How many wrong password sign-ins an account of this tenant may cost in an hour."""

    def account(self, upn: str) -> EntraAccount:
        """Read the connection account."""

    def connection_accounts(self) -> tuple[EntraAccount, ...]:
        """Read every connection account of the inventory in this tenant, but those that are not there."""

    def role_facts(self, account_id: str) -> RoleFacts:
        """Read its directory roles: direct, through groups, eligible; and what could not be read."""

    def sign_in_policies(self, account_id: str, held: RoleFacts) -> SignInPolicies:
        """Read which policies could stop its password sign-ins; never raises for what cannot be read."""

    def find_apps(self, display_name: str) -> tuple[EntraApp, ...]:
        """Find enterprise applications by display name; several may share one."""

    def app_presence(self, display_name: str, resources: Sequence[str]) -> AppPresence:
        """Read what there is under an app's name, in the recycle bin too, and of the resources it needs."""

    def consent_facts(
        self, app_id: str, account_id: str, manifest: ConsentManifest
    ) -> ConsentFacts:
        """Read the grants of the app until two consecutive complete reads agree."""

    def consent_history(self, app: EntraApp) -> ConsentHistory:
        """Read who consented to the app and when, where the verifier may read the audit log."""


class TenantUsers(Protocol):
    """Entra ID: test users, observed and cleaned up."""

    def find_user(self, upn: str) -> EntraUser | None:
        """Look for one user by UPN; None when it is not there."""

    def deleted_user(self, upn: str, display_name: str) -> EntraUser | None:
        """Look for a deleted user in the recycle bin; None when it is not there."""

    def test_users(self, domain: str, prefix: str) -> tuple[EntraUser, ...]:
        """List the users of the domain whose name starts with the prefix."""

    def create_user(self, upn: str, display_name: str) -> EntraUser:
        """Create a user with a random password that nobody keeps."""

    def modify_user(self, user_id: str, attributes: Mapping[str, str]) -> None:
        """Update plain attributes."""

    def delete_user(self, user_id: str) -> None:
        """Soft-delete the user; one that is already gone is success."""

    def delete_test_users(self, domain: str, prefix: str, *, keep: str = "") -> tuple[str, ...]:
        """Soft-delete the users of the domain whose name starts with the prefix, but ``keep`` (a UPN)."""


class TenantPasswords(Protocol):
    """Entra ID: setting passwords of connection accounts, as the setter identity."""

    def set_password(self, account_id: str, new: SecretHandle) -> None:
        """Set an account's password to the secret's, to be kept; setting it again is harmless.

        Raises NotPermitted, PolicyRefused, NotFound, Unreachable, and Unknown when the answer was lost.
        """

    def scramble_password(self, account_id: str) -> None:
        """Set an account's password to a random one that nobody keeps."""

    def check_setter(self, account_id: str) -> SetterCheck:
        """Read whether the setter may set this account's password, and what could not be read."""

    def await_password_change(self, upn: str, before: datetime | None) -> datetime | None:
        """Read the account until two reads in a row show a password change other than ``before``.

        Returns its time; None when the tenant does not show it within the reader's patience.
        """


class ConsentRemediator(Protocol):
    """Entra ID: repairing a consent as the remediator identity, one method per kind of change.

    Each may be repeated: it looks first, does what is missing of the plan, and returns what it did. Before
    each change it asks the permit. Raises NotPermitted without a remediator, NeedsPerson when the permit
    has run out, OutOfStep when the tenant is no longer as the plan says (make another plan), Unreachable
    (again later), Unknown when an answer was lost and looking did not tell.
    """

    def snapshot(self, plan: RemediationPlan) -> ConsentSnapshot:
        """Read everything that is granted to the app, twice alike, before anything is changed."""

    def grant_for_account(self, plan: RemediationPlan, permit: Permit) -> tuple[ConsentChange, ...]:
        """Grant the plan's delegated permissions for the connection account, and see them twice."""

    def grant_to_application(
        self, plan: RemediationPlan, permit: Permit
    ) -> tuple[ConsentChange, ...]:
        """Grant the plan's application permissions, and see them twice."""

    def withdraw_from_organization(
        self, plan: RemediationPlan, permit: Permit
    ) -> tuple[ConsentChange, ...]:
        """Delete the plan's grants for everybody, each only while the account holds what it gave."""

    def restore_consent(
        self, snapshot: ConsentSnapshot, permit: Permit
    ) -> tuple[ConsentChange, ...]:
        """Put back what a snapshot shows and the tenant no longer has; for a person, by hand."""


class DirectoryService(Directory, DirectoryUsers, DirectoryPasswords, Protocol):
    """Active Directory with everything that the procedure asks of it."""


class TenantService(Tenant, TenantUsers, TenantPasswords, Protocol):
    """Entra ID with everything that the procedure asks of it."""

    @property
    def remediator(self) -> ConsentRemediator:
        """The identity that repairs consents; without one each change raises NotPermitted."""


class Systems(Protocol):
    """The outside world of one run; names are the inventory's."""

    @property
    def vault(self) -> SecretVault:
        """Vault."""

    @property
    def ledgers(self) -> LedgerStore:
        """The ledgers of the connections."""

    def directory(self, name: str) -> DirectoryService:
        """Return the Active Directory domain of this name."""

    def tenant(self, name: str) -> TenantService:
        """Return the Entra ID tenant of this name."""

    def console(self, service: str) -> ConsoleDriver:
        """Return the console of this Cayosoft Administrator Service."""


__all__: Sequence[str] = [
    "ConsentPages",
    "ConsentRemediator",
    "Console",
    "ConsoleDriver",
    "CredentialEditor",
    "Directory",
    "DirectoryPasswords",
    "DirectoryService",
    "DirectoryUsers",
    "LedgerStore",
    "ProductOperations",
    "SecretCatalogue",
    "SecretSource",
    "SecretStore",
    "SecretVault",
    "StaticRoles",
    "Systems",
    "Tenant",
    "TenantPasswords",
    "TenantService",
    "TenantUsers",
]
