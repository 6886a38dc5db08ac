"""The nouns of the Cayosoft Administrator console, whoever drives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connectors.models import Extension


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A signed-in console session with its product role; A1 needs Global Administrators.

    ``reported``: a person said so, and nothing of ours has seen it.
    """

    signed_in_as: str
    product_role: str
    product_version: str
    service: str
    reported: bool = False

    @property
    def may_configure(self) -> bool:
        """Say whether the Configuration node is visible to this role."""
        return self.product_role == "Global Administrators"


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """One connection row of an extension with its default-credentials selector.

    ``secret_label`` is what our last save wrote beside the credential (SecretVersion.label), or None.
    """

    extension: Extension
    row: str
    enabled: bool
    account: str
    revision: str  # changes with every save; the If-Match value
    secret_label: str | None
    saved_at: datetime | None
    saved_key: str | None  # idempotency key of the last save


@dataclass(frozen=True, slots=True)
class Draft:
    """An edit that is entered but not saved. It expires by itself."""

    id: str
    extension: Extension
    row: str
    account: str
    base_revision: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What Check Settings or Validate showed on the screen."""

    ok: bool
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AppRegistration:
    """The outcome of "Find or register the app"."""

    app_id: str
    display_name: str
    registered_now: bool  # False: it was found


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """The permission prompt; ``already_granted`` when the tenant asks for nothing."""

    id: str
    permissions: tuple[str, ...]
    already_granted: bool


@dataclass(frozen=True, slots=True)
class ConsoleConsent:
    """The Entra ID application consent section as the console shows it.

    ``collecting`` while the console still gathers the tenant's data: the words mean nothing yet.
    """

    status: str  # the console's own words
    rows: tuple[ConsoleConsentRow, ...]
    red_banner: bool
    collecting: bool


@dataclass(frozen=True, slots=True)
class ConsoleConsentRow:
    """One API row of the console's consent table."""

    api: str
    permission: str
    status: str


class Operation(StrEnum):
    """A real operation that the product runs with the credential it holds (V1-V7).

    Arguments are named as in docs/console-bridge.openapi.yaml: ``ad.create_user`` takes ``container`` (DN),
    ``username`` (sAMAccountName) and perhaps ``description``; ``ad.modify_user`` takes ``dn`` and LDAP attributes;
    ``ad.reset_password`` and ``ad.delete_user`` take ``dn``. ``entra.create_user`` takes ``upn`` and
    ``displayName``; ``entra.modify_user`` takes ``id`` (object id or UPN) and Graph attributes;
    ``entra.delete_user`` takes ``id``. No operation takes a password.
    """

    AD_CREATE_USER = "ad.create_user"
    AD_RESET_PASSWORD = "ad.reset_password"
    AD_MODIFY_USER = "ad.modify_user"
    AD_DELETE_USER = "ad.delete_user"
    ENTRA_CREATE_USER = "entra.create_user"
    ENTRA_MODIFY_USER = "entra.modify_user"
    ENTRA_DELETE_USER = "entra.delete_user"


@dataclass(frozen=True, slots=True)
class OperationResult:
    """What the product said about one operation. ``error_code`` is the directory's, when it failed."""

    operation: Operation
    ok: bool
    object_id: str | None  # DN or Graph id
    error_code: str | None
    message: str
