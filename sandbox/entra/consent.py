"""The consent prompt. Pretended: a person sees a web page, here the same question is asked as JSON.

    GET  {authority}/oauth2/v2.0/consent?client_id=..&username=..   what would be asked
    POST {authority}/oauth2/v2.0/consent                            accept, as that person
         {"client_id", "username", "password", "on_behalf_of_organization": false}

A person sits there, so a second factor is given; every other sign-in refusal is answered as at the
token endpoint.
"""

from __future__ import annotations

from sandbox.entra.errors import SignInRefused
from sandbox.entra.granting import accept, named_access, new_service_principal
from sandbox.entra.graph_audits import write_consent
from sandbox.entra.records import Record
from sandbox.entra.sign_in import SignIn
from sandbox.entra.tenant import Tenant
from sandbox.standin.http import App, Request, Response

Permission = dict[str, str]


class ConsentPrompt:
    """Both directions of the prompt."""

    def __init__(self, app: App, tenant: Tenant, sign_in: SignIn) -> None:
        self._tenant, self._sign_in = tenant, sign_in
        path = "/{tenant}/oauth2/v2.0/consent"
        app.route("GET", path, "consent.read")(sign_in.guarded(self._read))
        app.route("POST", path, "consent.accept")(sign_in.guarded(self._accept))

    def _read(self, request: Request) -> Response:
        self._sign_in.check_tenant(request)
        application = self._application(request.query.get("client_id", ""))
        user = self._tenant.user(request.query.get("username", ""))
        if user is None:
            raise SignInRefused(50034)
        asked = named_access(self._tenant, application)
        granted = [it for it in asked if self._granted(application, user, it)]
        return Response(
            200,
            {"permissions": asked, "already_granted": len(granted) == len(asked)},
            note={"client": application["appId"], "upn": user["userPrincipalName"]},
        )

    def _accept(self, request: Request) -> Response:
        self._sign_in.check_tenant(request)
        try:
            body = dict(request.json())
        except (TypeError, ValueError):
            raise SignInRefused(90014) from None
        application = self._application(str(body.get("client_id")))
        person = str(body.get("username")), str(body.get("password"))
        user = self._sign_in.authenticate(*person, person=True)
        for_all = bool(body.get("on_behalf_of_organization", False))
        if for_all and "Global Administrator" not in self._tenant.roles(user["id"]):
            # The box is shown to Global Administrators only.
            raise SignInRefused(90094)
        client = self._tenant.service_principal(application["appId"])
        if client is None:
            client = new_service_principal(application["appId"], application["displayName"])
            self._tenant.service_principals.put(client["id"], client)
        asked = named_access(self._tenant, application)
        granted = accept(self._tenant, client, user, None if for_all else user["id"], asked)
        write_consent(self._tenant, user, client, for_all=for_all)
        return Response(
            200,
            {"accepted": True, "granted": granted},
            note={
                "client": application["appId"],
                "upn": user["userPrincipalName"],
                "on_behalf_of_organization": for_all,
            },
        )

    def _application(self, app_id: str) -> Record:
        application = self._tenant.application(app_id)
        if application is None:
            raise SignInRefused(700016)
        return application

    def _granted(self, application: Record, user: Record, permission: Permission) -> bool:
        client = self._tenant.service_principal(application["appId"])
        resource = self._tenant.service_principal(permission["resource_app_id"])
        if client is None or resource is None:
            return False
        if permission["kind"] == "application":
            return permission["value"] in self._tenant.app_roles(client, resource)
        return permission["value"] in self._tenant.scopes(client, resource, user["id"])
