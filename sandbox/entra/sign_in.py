"""The sign-in side: discovery, user realm and the token endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.entra.catalogue import AUDIENCES, GRAPH
from sandbox.entra.errors import SignInRefused, sign_in_error
from sandbox.entra.passwords import matches
from sandbox.entra.policies import enforce
from sandbox.entra.records import Record
from sandbox.entra.tenant import ClientCredential, Tenant
from sandbox.entra.tokens import Issuer, check_assertion, client_info
from sandbox.standin.http import App, Request, Response

_OPEN_ID = frozenset({"openid", "profile", "email", "offline_access"})
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class SignIn:
    """The routes under the authority."""

    def __init__(self, app: App, tenant: Tenant, issuer: Issuer) -> None:
        self._tenant, self._issuer = tenant, issuer
        authority = "/{tenant}"
        app.route("GET", f"{authority}/v2.0/.well-known/openid-configuration", "discovery")(
            self.guarded(self._discovery)
        )
        app.route("GET", f"{authority}/discovery/v2.0/keys", "keys")(
            lambda _: Response(200, issuer.jwks())
        )
        app.route("GET", "/common/userrealm/{upn}", "userrealm")(self.guarded(self._user_realm))
        app.route("POST", f"{authority}/oauth2/v2.0/token", "token")(self.guarded(self._token))

    def guarded(self, handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
        """Return the handler with the tenant's lock held and refusals answered."""

        def guard(request: Request) -> Response:
            with self._tenant.lock:
                try:
                    return handler(request)
                except SignInRefused as refusal:
                    now = self._tenant.control.now()
                    return sign_in_error(request, refusal.code, now, **_who(request))

        return guard

    def check_tenant(self, request: Request) -> None:
        """Refuse every tenant but ours, by id or domain."""
        named = request.params["tenant"].casefold()
        if named in ("common", "consumers"):
            raise SignInRefused(9001023)
        if named not in (self._tenant.id.casefold(), self._tenant.domain.casefold()):
            raise SignInRefused(90002)

    def _discovery(self, request: Request) -> Response:
        if request.params["tenant"] not in ("common", "organizations"):
            self.check_tenant(request)
        base = f"{self._tenant.url}/{request.params['tenant']}"
        return Response(
            200,
            {
                "issuer": f"{self._tenant.url}/{self._tenant.id}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": sorted(_OPEN_ID),
            },
        )

    def _user_realm(self, request: Request) -> Response:
        upn = request.params["upn"]
        domain = upn.rpartition("@")[2].casefold()
        realm: dict[str, Any] = {"ver": "1.0", "account_type": "Unknown"}
        cloud = {
            "domain_name": domain,
            "cloud_instance_name": "microsoftonline.com",
            "cloud_audience_urn": "urn:federation:MicrosoftOnline",
        }
        if domain in self._tenant.federated_domains:
            server = f"https://sts.{domain}/adfs/services/trust"
            realm |= cloud | {
                "account_type": "Federated",
                "federation_protocol": "WSTrust",
                "federation_metadata_url": f"{server}/mex",
                "federation_active_auth_url": f"{server}/2005/usernamemixed",
            }
        elif domain == self._tenant.domain.casefold():
            realm |= cloud | {"account_type": "Managed"}
        return Response(200, realm, note={"upn": upn})

    def _token(self, request: Request) -> Response:
        form = request.form()
        grant = form.get("grant_type")
        # MSAL does not ask /common for a grant that cannot work there; whoever does is told so.
        self.check_tenant(request)
        if grant not in ("client_credentials", "password"):
            raise SignInRefused(70003 if grant else 90014)
        client = self._client(form)
        if grant == "client_credentials":
            return self._for_application(request, form, client)
        return self._for_user(request, form, client)

    def _client(self, form: dict[str, str]) -> Record:
        """Find the application and check what it proves itself with."""
        client_id = form.get("client_id", "")
        application = self._tenant.application(client_id)
        if application is None:
            raise SignInRefused(700016)
        client = self._tenant.service_principal(client_id)
        if client is None:
            raise SignInRefused(7000229)
        if not client["accountEnabled"]:
            raise SignInRefused(7000112)
        credential = self._tenant.credentials.get(client_id, ClientCredential())
        public = application["isFallbackPublicClient"]
        if "client_secret" in form:
            if public and credential.secret is None:
                raise SignInRefused(700025)
            if not matches(form["client_secret"], credential.secret):
                raise SignInRefused(7000215)
            if credential.secret_expired:
                raise SignInRefused(7000222)
        elif "client_assertion" in form:
            if public and not credential.certificates:
                raise SignInRefused(700025)
            if form.get("client_assertion_type") != _ASSERTION:
                raise SignInRefused(90014)
            endpoints = tuple(
                f"{self._tenant.url}/{name}/{end}"
                for name in (self._tenant.id, self._tenant.domain)
                for end in ("oauth2/v2.0/token", "v2.0")
            )
            check_assertion(form["client_assertion"], client_id, credential.certificates, endpoints)
        elif form["grant_type"] == "client_credentials":
            raise SignInRefused(7000216)
        elif not public:
            raise SignInRefused(7000218)
        return client

    def _for_application(self, request: Request, form: dict[str, str], client: Record) -> Response:
        audience, resource, values, _ = self._scopes(form.get("scope", ""))
        if values != [".default"]:
            raise SignInRefused(1002012)
        roles = self._tenant.app_roles(client, resource)
        token = self._issuer.access_token(audience, client, None, roles)
        return self._issued(request, {"access_token": token})

    def _for_user(self, request: Request, form: dict[str, str], client: Record) -> Response:
        if not form.get("username") or "password" not in form:
            raise SignInRefused(90014)
        audience, resource, wanted, open_id = self._scopes(form.get("scope", ""))
        user = self.authenticate(form["username"], form["password"])
        held = self._tenant.scopes(client, resource, user["id"])
        missing = {value.casefold() for value in wanted} - {value.casefold() for value in held}
        if missing - {".default"} or not held:
            raise SignInRefused(65001)
        token = self._issuer.access_token(audience, client, user, held)
        answer = {"access_token": token, "scope": " ".join(f"{audience}/{it}" for it in held)}
        if "openid" in open_id:
            answer["id_token"] = self._issuer.id_token(client["appId"], user)
        if form.get("client_info") == "1":
            answer["client_info"] = client_info(self._tenant, user)
        return self._issued(request, answer)

    def authenticate(self, upn: str, password: str, *, person: bool = False) -> Record:
        """Return the user, or raise SignInRefused; every call counts as an attempt of that user."""
        user = self._tenant.user(upn)
        if user is None or "@" not in upn:
            raise SignInRefused(50034)
        self._tenant.passwords.check(user, password, person=person)
        enforce(self._tenant, user, person=person)
        return user

    def _scopes(self, text: str) -> tuple[str, Record, list[str], set[str]]:
        """Split a scope text into audience, resource, its permissions, and OpenID's own words."""
        open_id = {scope for scope in text.split() if scope in _OPEN_ID}
        audiences = set()
        values = []
        for scope in text.split():
            if scope not in _OPEN_ID:
                audience, _, value = scope.rpartition("/")
                audiences.add(audience.rstrip("/") or AUDIENCES[GRAPH][0])
                values.append(value)
        if len(audiences) > 1 or not text.strip():
            raise SignInRefused(70011 if audiences else 90014)
        audience = audiences.pop() if audiences else AUDIENCES[GRAPH][0]
        names = {name: app_id for app_id, known in AUDIENCES.items() for name in known}
        names[self._tenant.url] = GRAPH
        resource = self._tenant.service_principal(names.get(audience, audience))
        if resource is None:
            raise SignInRefused(500011)
        offered = {scope["value"].casefold() for scope in resource["oauth2PermissionScopes"]}
        if {value.casefold() for value in values} - offered - {".default"}:
            raise SignInRefused(70011)
        return audience, resource, values, open_id

    def _issued(self, request: Request, answer: dict[str, Any]) -> Response:
        lifetime = self._tenant.token_lifetime
        common = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime}
        headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        return Response(200, common | answer, headers=headers, note=_who(request))


def _who(request: Request) -> dict[str, str]:
    """Return the identifiers of a sign-in for the journal."""
    if not request.path.endswith("/token"):
        return {}
    form = request.form()
    named = {"client": "client_id", "grant": "grant_type", "upn": "username"}
    return {name: form[field] for name, field in named.items() if form.get(field)}
