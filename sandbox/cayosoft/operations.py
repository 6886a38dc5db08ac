"""The product's own operations, each with the credential that the row holds at that moment."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from sandbox.cayosoft.console import AD, M365, Console
from sandbox.cayosoft.problems import DirectoryRefused, Wrong

Arguments = Mapping[str, str]
AD_ATTRIBUTES = frozenset(
    {
        "company", "department", "description", "displayName", "givenName", "mail",
        "physicalDeliveryOfficeName", "sn", "telephoneNumber", "title",
    }
)  # fmt: skip
ENTRA_ATTRIBUTES = frozenset(
    {
        "city", "companyName", "department", "displayName", "givenName", "jobTitle",
        "officeLocation", "surname",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What the product says about an operation."""

    operation: str
    ok: bool
    object_id: str | None
    error_code: str | None
    message: str


class Operations:
    """Runs operations on rows of one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.restricted: set[str] = set()  # what the product itself does not let this console do
        self._all: dict[str, tuple[str, tuple[str, ...], Callable[[str, Arguments], str]]] = {
            "ad.create_user": (AD, ("container", "username"), self._ad_create),
            "ad.reset_password": (AD, ("dn",), self._ad_reset),
            "ad.modify_user": (AD, ("dn",), self._ad_modify),
            "ad.delete_user": (AD, ("dn",), self._ad_delete),
            "entra.create_user": (M365, ("upn", "displayName"), self._entra_create),
            "entra.modify_user": (M365, ("id",), self._entra_modify),
            "entra.delete_user": (M365, ("id",), self._entra_delete),
        }

    def run(self, extension: str, row: str, operation: object, arguments: object) -> Outcome:
        """Run one operation; raise Wrong for a request that makes no sense, nothing done."""
        self._console.row(extension, row)
        if not isinstance(operation, str) or operation not in self._all:
            raise Wrong("operation")
        belongs_to, needed, carry_out = self._all[operation]
        if belongs_to != extension:
            raise Wrong("extension")
        checked = _checked(operation, arguments, needed)
        if not self._console.store.enabled(extension):
            return Outcome(
                operation, False, None, "ExtensionDisabled", "The extension is disabled."
            )
        if operation in self.restricted:
            return Outcome(operation, False, None, "NotDelegated", "Not delegated.")
        try:
            object_id = carry_out(row, checked)
        except DirectoryRefused as refused:
            return Outcome(operation, False, None, refused.code, f"Refused: {refused.code}")
        return Outcome(operation, True, object_id, None, "Done.")

    def _ad_create(self, row: str, arguments: Arguments) -> str:
        login = self._console.store.held(AD, row)
        return self._console.ad().create_user(
            login,
            arguments["container"],
            arguments["username"],
            arguments.get("description"),
            _random_password(),
        )

    def _ad_reset(self, row: str, arguments: Arguments) -> str:
        login = self._console.store.held(AD, row)
        self._console.ad().set_password(login, arguments["dn"], _random_password())
        return arguments["dn"]

    def _ad_modify(self, row: str, arguments: Arguments) -> str:
        login = self._console.store.held(AD, row)
        attributes = {name: value for name, value in arguments.items() if name != "dn"}
        self._console.ad().modify(login, arguments["dn"], attributes)
        return arguments["dn"]

    def _ad_delete(self, row: str, arguments: Arguments) -> str:
        self._console.ad().delete(self._console.store.held(AD, row), arguments["dn"])
        return arguments["dn"]

    def _entra_create(self, row: str, arguments: Arguments) -> str:
        created = self._console.entra().call(
            self._console.app_token(row),
            "POST",
            "/users",
            {
                "accountEnabled": True,
                "displayName": arguments["displayName"],
                "mailNickname": arguments["upn"].partition("@")[0],
                "userPrincipalName": arguments["upn"],
                "passwordProfile": {
                    "forceChangePasswordNextSignIn": False,
                    "password": _random_password(),
                },
            },
        )
        return str(created["id"])

    def _entra_modify(self, row: str, arguments: Arguments) -> str:
        attributes = {name: value for name, value in arguments.items() if name != "id"}
        token = self._console.app_token(row)
        self._console.entra().call(token, "PATCH", f"/users/{quote(arguments['id'])}", attributes)
        return arguments["id"]

    def _entra_delete(self, row: str, arguments: Arguments) -> str:
        token = self._console.app_token(row)
        try:
            self._console.entra().call(token, "DELETE", f"/users/{quote(arguments['id'])}")
        except DirectoryRefused as refused:
            if refused.code != "Request_ResourceNotFound":
                raise
        return arguments["id"]


def _checked(operation: str, arguments: object, needed: tuple[str, ...]) -> dict[str, str]:
    """Return the arguments; raise Wrong with the name of the one that is missing or unknown."""
    if not isinstance(arguments, dict):
        raise Wrong("arguments")
    extra = {
        "ad.create_user": frozenset({"description"}),
        "ad.modify_user": AD_ATTRIBUTES,
        "entra.modify_user": ENTRA_ATTRIBUTES,
    }.get(operation, frozenset())
    for name in needed:
        if not arguments.get(name):
            raise Wrong(f"arguments.{name}")
    for name, value in arguments.items():
        if not isinstance(value, str) or (name not in needed and name not in extra):
            raise Wrong(f"arguments.{name}" if str(name).isalnum() else "arguments")
    if operation.endswith("modify_user") and len(arguments) == len(needed):
        raise Wrong("arguments")
    return arguments


def _random_password() -> str:
    return f"Aa1!{secrets.token_urlsafe(24)}"
