"""Vault itself: every call passes here, from the seal to the token, the policy and the wrapping."""

from __future__ import annotations

import sys
import threading
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.standin.control import Control
from sandbox.standin.http import Request, Response
from sandbox.vault.incoming import OPERATIONS, injected_fault, listed, parse_request
from sandbox.vault.policies import DEFAULT_POLICY, WRAPPING_POLICY, Acl, Rule, parse_policy
from sandbox.vault.routing import Endpoint, Mount, Mounts, Table
from sandbox.vault.tokens import Token, Tokens, random_id
from sandbox.vault.values import timestamp
from sandbox.vault.wire import (
    DENIED,
    HEADERS,
    Answer,
    BadField,
    Call,
    Refusal,
    envelope,
    refused,
    response,
    wrap_envelope,
)

_INJECTED = ("sys/auth", "sys/mounts", "sys/policy", "sys/capabilities", "sys/capabilities-self")
_WRAPPING = ("sys/wrapping/lookup", "sys/wrapping/rewrap", "sys/wrapping/unwrap")
VERSION = "2.6.2"


@dataclass
class Policy:
    """One stored ACL policy."""

    text: str
    rules: list[Rule]
    modified: float
    version: int = 1


class Vault:
    """The whole state. Every call holds the lock from its first look to its answer, but see ``unlocked``."""

    def __init__(self, control: Control, root_token: str) -> None:
        self.lock = threading.RLock()
        self.control = control
        self.now = control.now
        self.sealed = False
        self.cluster_name = f"vault-cluster-{random_id(8).lower()}"
        self.cluster_id = str(uuid.uuid4())
        self.tokens = Tokens(self.now)
        self.mounts = Mounts()
        self.system = Table()
        self.passwords: dict[str, str] = {}
        self.policies: dict[str, Policy] = {}
        self.set_policy("default", DEFAULT_POLICY)
        self.set_policy("response-wrapping", WRAPPING_POLICY)
        self.tokens.add(["root"], "auth/token/create", 0, id=root_token)
        about = "system endpoints used for control, policy and debugging"
        self.mounts.add(Mount("sys/", "system", self.system, description=about))

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        """Let other calls in while this one waits for another system."""
        self.lock.release()
        try:
            yield
        finally:
            self.lock.acquire()

    def set_policy(self, name: str, text: str) -> None:
        """Store an ACL policy."""
        known = self.policies.get(name)
        version = known.version + 1 if known else 1
        self.policies[name] = Policy(text, parse_policy(text), self.now(), version)

    def acl(self, token: Token) -> Acl:
        """Return what a token's policies say now."""
        if token.is_root:
            return Acl([], root=True)
        return Acl([self.policies[p].rules for p in token.policies if p in self.policies])

    def find(self, operation: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """Return the endpoint and path parameters of a call, or refuse."""
        mount = self.mounts.of(path)
        if mount is None:
            raise Refusal(404, f'no handler for route "{path}". route entry not found.')
        return mount.table.find(operation, path.removeprefix(mount.path))

    def route_name(self, method: str, path: str) -> str:
        """Return what faults and the journal call this request."""
        operation = OPERATIONS.get(method, "")
        path = path.removeprefix("/v1/")
        with self.lock:
            try:
                return self.find(operation, listed(path) if operation == "list" else path)[0].name
            except Refusal:
                return "unknown"

    def answer(self, request: Request) -> Response:
        """Answer one request; whatever goes wrong is an error answer."""
        try:
            early = injected_fault(request)
            if early is not None:
                return early
            with self.lock:
                return self._answer(request)
        except Refusal as refusal:
            return refused(refusal)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return refused(Refusal.combined(500, "internal error"))

    def _answer(self, request: Request) -> Response:
        call = parse_request(request)
        if self.sealed:
            raise Refusal(503, "Vault is sealed")
        if request.headers.get("x-vault-namespace", "").strip("/") not in {"", "root"}:
            raise Refusal(404, "namespace not found")
        if call.path.endswith("/") and call.operation in {"write", "patch"}:
            raise Refusal(400, "cannot write to a path ending in '/'")
        if call.path in _WRAPPING:
            self._check_wrapping_token(call)
        answer = self._authorised(call)
        return self._packed(call, answer)

    def _check_wrapping_token(self, call: Call) -> None:
        given = call.data.get("token")
        why = None
        if given is not None and not isinstance(given, str):
            why = "could not decode token in request body"
        elif given == "":
            why = "empty token in request body"
        elif given is None and not call.client_token:
            why = "token is empty"
        if why:
            raise Refusal(403, f"error validating wrapping token: {why}")
        token = self.tokens.find(given if given is not None else call.client_token)
        if token is None or not token.is_wrapping:
            raise Refusal(400, "wrapping token is not valid or does not exist")

    def _authorised(self, call: Call) -> Answer | None:
        endpoint: Endpoint | None = None
        missing: Refusal | None = None
        try:
            endpoint, call.params = self.find(call.operation, call.path)
        except Refusal as problem:  # told only to those who may ask: the rights come first
            missing = problem
        if endpoint is not None and endpoint.open:
            call.operation = "update" if call.operation == "write" else call.operation
            return self._run(endpoint, call)
        token = call.token = self._caller(call)
        last_use = self.tokens.use(token)
        try:
            self._check_rights(call, endpoint, token)
            if endpoint is None:
                raise missing or Refusal(404)
            return self._run(endpoint, call)
        finally:
            if last_use:
                self.tokens.revoke(token.id)

    def _caller(self, call: Call) -> Token:
        fault = call.request.fault
        token = self.tokens.find(call.client_token)
        if token is None or (fault and fault.kind == "token_expired"):
            raise Refusal(403, DENIED)
        return token

    def _check_rights(self, call: Call, endpoint: Endpoint | None, token: Token) -> None:
        if call.operation == "write":
            exists = endpoint is None or endpoint.exists is None or endpoint.exists(call)
            call.operation = "update" if exists else "create"
        sudo = endpoint is not None and endpoint.sudo
        fault = call.request.fault
        allowed = self.acl(token).allows(call.operation, call.path, sudo=sudo)
        if not allowed or (fault and fault.kind == "denied"):
            raise Refusal.combined(403, DENIED)

    def _run(self, endpoint: Endpoint, call: Call) -> Answer | None:
        try:
            return endpoint.handler(call)
        except BadField as bad:
            if endpoint.exists is None:
                bad.errors = [f"Field validation failed: {text}" for text in bad.errors]
            raise

    def _packed(self, call: Call, answer: Answer | None) -> Response:
        if answer is None:
            if call.operation == "list" and call.wrap_ttl:
                raise Refusal(404, "unsupported path")
            if call.operation in {"read", "list"}:
                raise Refusal(404)
            return response(204, None)
        if answer.raw is not None:
            return Response(answer.status, answer.raw, headers=dict(HEADERS))
        ttl = min((t for t in (call.wrap_ttl, (answer.rewrap or (0, ""))[0]) if t), default=0)
        if ttl:
            return response(200, self._wrapped(call, answer, ttl))
        packed = envelope(answer, call.id)
        if call.path.startswith(_INJECTED) and answer.data and answer.status == 200:
            packed = {**packed["data"], **packed}
        return response(answer.status, packed)

    def _wrapped(self, call: Call, answer: Answer, ttl: int) -> dict[str, Any]:
        stored = (answer.data or {}).get("response") if answer.rewrap else None
        creation_path = answer.rewrap[1] if answer.rewrap else call.path
        token = self.tokens.add(
            ["response-wrapping"], call.path, ttl, num_uses=1, explicit_max_ttl=ttl
        )
        token.cubbyhole = {
            "response": stored or (answer.status, envelope(answer, call.id)),
            "creation_path": creation_path,
            "creation_ttl": ttl,
            "creation_time": token.created,
        }
        return wrap_envelope(answer, token, creation_path, timestamp(token.created))
