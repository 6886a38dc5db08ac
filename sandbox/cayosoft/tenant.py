"""Entra ID and Microsoft Graph as the console's service reaches them: always as a user, by password."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from sandbox.cayosoft.problems import DirectoryRefused, DirectorySilent
from sandbox.cayosoft.records import Login

GRAPH_SCOPE = "https://graph.microsoft.com/.default"
REGISTERED_WITHIN = 20.0  # seconds that a new application may take to be known everywhere
Record = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """One permission that the product needs, and whether the tenant has granted it."""

    api: str
    permission: str
    granted: bool


@dataclass
class Tenant:
    """One tenant, with the public client that the console uses before its own app exists."""

    authority: str
    graph: str
    domain: str
    app_display_name: str
    setup_client_id: str
    ca_file: str
    permissions: list[dict[str, str]] = field(default_factory=list)
    http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            verify=ssl.create_default_context(cafile=self.ca_file),
            timeout=20,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def sign_in(self, login: Login, client_id: str | None = None) -> str:
        """Sign in by password and return a Graph token; raise DirectoryRefused with the AADSTS code."""
        answer = self._send(
            "POST",
            f"{self.authority}/oauth2/v2.0/token",
            data={
                "grant_type": "password",
                "client_id": client_id or self.setup_client_id,
                "username": login.account,
                "password": login.password,
                "scope": GRAPH_SCOPE,
            },
        )
        return str(answer["access_token"])

    def consent(self, login: Login, app_id: str, on_behalf_of_organization: bool) -> None:
        """Answer the consent prompt as a person in a browser would (pretended by the Entra stand-in)."""
        self._send(
            "POST",
            f"{self.authority}/oauth2/v2.0/consent",
            json={
                "client_id": app_id,
                "username": login.account,
                "password": login.password,
                "on_behalf_of_organization": on_behalf_of_organization,
            },
        )

    def find_app(self, token: str) -> str | None:
        """Return the app id of the product's enterprise application, or None."""
        found = self._by_name(token, "servicePrincipals")
        return str(found["appId"]) if found else None

    def register_app(self, token: str) -> str:
        """Register what is missing of application and enterprise application; return the app id."""
        application = self._by_name(token, "applications")
        if application is None:
            wanted = {
                "displayName": self.app_display_name,
                "signInAudience": "AzureADMyOrg",
                "isFallbackPublicClient": True,
                "requiredResourceAccess": self._resource_access(token),
            }
            application = self.call(token, "POST", "/applications", wanted)
        app_id = str(application["appId"])
        deadline = time.monotonic() + REGISTERED_WITHIN
        while True:
            try:
                self.call(token, "POST", "/servicePrincipals", {"appId": app_id})
            except DirectoryRefused as refused:
                # A new application is not known everywhere at once.
                if refused.code != "NoBackingApplicationObject" or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return app_id

    def held(self, token: str, app_id: str) -> list[Held]:
        """Say for every permission that the app needs whether it is granted, for us or for all."""
        found = self._filtered(token, "servicePrincipals", f"appId eq '{app_id}'")
        if not found:
            raise DirectoryRefused("AppNotFound")
        path = f"/servicePrincipals/{found[0]['id']}"
        me = self.call(token, "GET", "/me")["id"]
        held = {
            (one["resourceId"], one["appRoleId"])
            for one in self._all(token, f"{path}/appRoleAssignments")
        } | {
            (one["resourceId"], value)
            for one in self._all(token, f"{path}/oauth2PermissionGrants")
            if one["principalId"] in (None, me)
            for value in one["scope"].split()
        }
        return [
            line
            for resource, access in self._required(token, app_id)
            for line in _lines(resource, access, held)
        ]

    def call(self, token: str, method: str, path: str, body: Record | None = None) -> Record:
        """Send one Graph request."""
        return self._send(
            method, self.graph + path, json=body, headers={"Authorization": f"Bearer {token}"}
        )

    def _required(self, token: str, app_id: str) -> list[tuple[Record, list[Record]]]:
        """Return every resource that the app needs, with what it needs of it."""
        applications = self._filtered(token, "applications", f"appId eq '{app_id}'")
        required = applications[0].get("requiredResourceAccess") if applications else None
        found = []
        for one in required or self._resource_access(token):
            resource_id = one["resourceAppId"]
            known = self._filtered(token, "servicePrincipals", f"appId eq '{resource_id}'")
            absent = {"id": None, "displayName": resource_id}
            found.append((known[0] if known else absent, one["resourceAccess"]))
        return found

    def _resource_access(self, token: str) -> list[Record]:
        """Return the console's own list of permissions in the form that an application keeps."""
        wanted: dict[str, list[dict[str, str]]] = {}
        for one in self.permissions:
            wanted.setdefault(one["resource"], []).append(one)
        access = []
        for resource_name, permissions in wanted.items():
            where = f"displayName eq '{_escaped(resource_name)}'"
            resource = self._filtered(token, "servicePrincipals", where)[0]
            ids = {(kind, value): one for (kind, one), value in _names(resource).items()}
            access.append(
                {
                    "resourceAppId": resource["appId"],
                    "resourceAccess": [
                        {
                            "id": ids[one["kind"], one["value"]],
                            "type": "Role" if one["kind"] == "application" else "Scope",
                        }
                        for one in permissions
                    ],
                }
            )
        return access

    def _by_name(self, token: str, kind: str) -> Record | None:
        found = self._filtered(token, kind, f"displayName eq '{_escaped(self.app_display_name)}'")
        return found[0] if found else None

    def _filtered(self, token: str, kind: str, condition: str) -> list[Record]:
        return self._all(token, f"/{kind}", {"$filter": condition})

    def _all(self, token: str, path: str, query: dict[str, str] | None = None) -> list[Record]:
        header = {"Authorization": f"Bearer {token}"}
        page = self._send("GET", self.graph + path, params=query, headers=header)
        records = list(page["value"])
        while link := page.get("@odata.nextLink"):
            page = self._send("GET", str(link), headers=header)
            records += page["value"]
        return records

    def _send(self, method: str, url: str, **content: Any) -> Record:
        try:
            response: httpx.Response | None = self.http.request(method, url, **content)
        except httpx.HTTPError:
            response = None
        if response is None or response.status_code == 429 or response.is_server_error:
            raise DirectorySilent(url)
        try:
            answer = response.json() if response.content else {}
        except ValueError:
            answer = {}
        if response.is_success:
            return answer
        raise DirectoryRefused(_code(answer, response.status_code))


def _code(answer: Any, status: int) -> str:
    """Return the tenant's own code: AADSTS number, or Graph's name of the error."""
    if isinstance(answer, dict):
        if answer.get("error_codes"):
            return f"AADSTS{answer['error_codes'][0]}"
        error = answer.get("error")
        if isinstance(error, dict):
            return str(error.get("code") or status)
        if error:
            return str(error)
    return str(status)


def _names(resource: Record) -> dict[tuple[str, str], str]:
    """Return the names of a resource's permissions by kind and id."""
    roles = {("application", one["id"]): one["value"] for one in resource.get("appRoles", [])}
    scopes = {
        ("delegated", one["id"]): one["value"] for one in resource.get("oauth2PermissionScopes", [])
    }
    return roles | scopes


def _lines(resource: Record, access: list[Record], held: set[tuple[str | None, str]]) -> list[Held]:
    """Return a line per permission; application permissions are held by id, delegated ones by name."""
    names = _names(resource)
    lines = []
    for one in access:
        kind = "application" if one["type"] == "Role" else "delegated"
        value = names.get((kind, one["id"]), one["id"])
        granted = (resource["id"], one["id"] if kind == "application" else value) in held
        lines.append(Held(resource["displayName"], f"{value} ({kind})", granted))
    return lines


def _escaped(text: str) -> str:
    return text.replace("'", "''")
