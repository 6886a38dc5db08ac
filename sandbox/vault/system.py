"""The system endpoints: health and seal, which need no token, and the mount tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.standin.http import Request, Response
from sandbox.vault.approle import AppRole
from sandbox.vault.core import VERSION, Vault
from sandbox.vault.kv import KeyValue
from sandbox.vault.ldap import Ldap
from sandbox.vault.routing import Mount
from sandbox.vault.values import Fields
from sandbox.vault.wire import Answer, Call, Refusal, refused, response


def mount_kv(vault: Vault, path: str, description: str = "") -> None:
    """Mount a KV v2 engine."""
    engine = KeyValue(vault.now)
    options = {"version": "2"}
    vault.mounts.add(Mount(path, "kv", engine.table, engine, description, options))


def mount_ldap(vault: Vault, path: str, kind: str, description: str = "") -> None:
    """Mount an LDAP secrets engine, under either of its names."""
    engine = Ldap(vault)
    vault.mounts.add(Mount(path, kind, engine.table, engine, description, {}))


def mount_approle(vault: Vault, path: str, description: str = "") -> None:
    """Mount an AppRole auth method."""
    engine = AppRole(vault, path)
    vault.mounts.add(Mount(path, "approle", engine.table, engine, description, {}))


class Health:
    """The unauthenticated endpoints, which answer while sealed too."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.paths: dict[str, tuple[str, Callable[[Request], Response]]] = {
            "/v1/sys/health": ("sys.health", self._health),
            "/v1/sys/seal-status": ("sys.seal_status", self._seal_status),
            "/v1/sys/init": ("sys.init", lambda _: response(200, {"initialized": True})),
            "/v1/sys/leader": ("sys.leader", self._leader),
        }

    def answer(self, request: Request) -> Response:
        """Answer one of the paths."""
        with self._vault.lock:
            return self.paths[request.path][1](request)

    def _cluster(self) -> dict[str, Any]:
        if self._vault.sealed:
            return {}
        return {
            "cluster_name": self._vault.cluster_name,
            "cluster_id": self._vault.cluster_id,
        }

    def _health(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return refused(Refusal(405))
        codes = {"activecode": 200, "sealedcode": 503, "standbycode": 429, "uninitcode": 501}
        for name in codes:
            if name in request.query:
                if not request.query[name].isdigit():
                    return refused(Refusal(400))
                codes[name] = int(request.query[name])
        standby = bool(request.fault and request.fault.kind == "standby")
        status = codes["activecode"]
        if self._vault.sealed or (request.fault and request.fault.kind == "sealed"):
            status = codes["sealedcode"]
        elif standby and request.query.get("standbyok", "false") not in {"true", "1", "t"}:
            status = codes["standbycode"]
        return response(
            status,
            {
                "initialized": True,
                "sealed": self._vault.sealed,
                "standby": standby,
                "replication_performance_mode": "disabled",
                "replication_dr_mode": "disabled",
                "server_time_utc": int(self._vault.now()),
                "version": VERSION,
                **self._cluster(),
            },
        )

    def _seal_status(self, request: Request) -> Response:
        if request.method != "GET":
            return refused(Refusal(405))
        return response(
            200,
            {
                "type": "shamir",
                "initialized": True,
                "sealed": self._vault.sealed,
                "t": 1,
                "n": 1,
                "progress": 0,
                "nonce": "",
                "recovery_seal": False,
                "version": VERSION,
                "commit_date": "2026-08-18T15:43:05Z",
                "migration": False,
                **self._cluster(),
                "storage_type": "inmem",
            },
        )

    def _leader(self, _request: Request) -> Response:
        if self._vault.sealed:
            return refused(Refusal(503, "Vault is sealed"))
        return response(200, {"ha_enabled": False})


class MountApi:
    """The endpoints that mount engines and auth methods. The caller holds Vault's lock."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        add, path = vault.system.add, "(?P<path>.+)"
        add("read", "mounts/?", "mounts.list", lambda _: self._list(auth=False))
        add("read", f"mounts/{path}", "mounts.read", self._read_mount)
        add("write", f"mounts/{path}", "mounts.enable", self._mount)
        add("delete", f"mounts/{path}", "mounts.disable", self._unmount)
        # Not in any policy: whoever may do something below the mount may know of it.
        add("read", f"internal/ui/mounts/{path}", "mounts.preflight", self._preflight, open=True)
        add("read", "auth/?", "auth.list", lambda _: self._list(auth=True))
        add("read", f"auth/{path}", "auth.read", self._read_auth, sudo=True)
        add("write", f"auth/{path}", "auth.enable", self._enable, sudo=True)
        add("delete", f"auth/{path}", "auth.disable", self._disable, sudo=True)

    def _list(self, *, auth: bool) -> Answer:
        return Answer({p: m.show() for p, m in self._vault.mounts.listed(auth=auth).items()})

    def _read_mount(self, call: Call) -> Answer:
        return self._shown(call.params["path"].rstrip("/") + "/", "secret engine mount")

    def _preflight(self, call: Call) -> Answer:
        """Say what is mounted; the programs ask this before they read a secret, to know the engine's version."""
        path = call.params["path"].rstrip("/") + "/"
        token = self._vault.tokens.find(call.client_token)
        if token is None:
            raise Refusal(403, "permission denied")
        mount = self._vault.mounts.of(path)
        if mount is None or not self._vault.acl(token).reaches(mount.path):
            raise Refusal(
                403,
                "preflight capability check returned 403, please ensure client's policies grant access to path "
                f'"{path}"',
            )
        return Answer({**mount.show(), "path": mount.path.removeprefix("auth/")})

    def _read_auth(self, call: Call) -> Answer:
        return self._shown(f"auth/{call.params['path'].rstrip('/')}/", "auth engine")

    def _shown(self, path: str, what: str) -> Answer:
        mount = self._vault.mounts.get(path)
        if mount is None:
            raise Refusal(400, f"No {what} at {path.removeprefix('auth/')}")
        return Answer(mount.show())

    def _free(self, path: str, call: Call, kinds: set[str]) -> str:
        """Return the type to mount; refuse a taken path and a type that is not known here."""
        kind = Fields(call.data).text("type")
        if not kind:
            raise Refusal(400, "backend type must be specified as a string")
        taken = self._vault.mounts.conflict(path)
        if taken:
            raise Refusal(400, f"path is already in use at {taken.removeprefix('auth/')}")
        if kind not in kinds:
            raise Refusal(400, f"plugin not found in the catalog: {kind}")
        return kind

    def _mount(self, call: Call) -> None:
        path, fields = call.params["path"].rstrip("/") + "/", Fields(call.data)
        kind = self._free(path, call, {"kv", "kv-v2", "ldap", "openldap"})
        if kind in {"ldap", "openldap"}:
            mount_ldap(self._vault, path, kind, fields.text("description"))
            return
        version = str(fields.mapping("options").get("version", "1"))
        if kind == "kv" and version != "2":
            raise Refusal(400, "the stand-in knows version 2 of the KV engine only")
        mount_kv(self._vault, path, fields.text("description"))

    def _unmount(self, call: Call) -> None:
        path = call.params["path"].rstrip("/") + "/"
        if path == "sys/":
            raise Refusal(400, 'cannot unmount "sys/"')
        mount = self._vault.mounts.get(path)
        if mount and isinstance(mount.engine, Ldap):
            mount.engine.close()
        self._vault.mounts.remove(path)

    def _enable(self, call: Call) -> None:
        path = f"auth/{call.params['path'].rstrip('/')}/"
        self._free(path, call, {"approle"})
        mount_approle(self._vault, path, Fields(call.data).text("description"))

    def _disable(self, call: Call) -> None:
        path = f"auth/{call.params['path'].rstrip('/')}/"
        if path == "auth/token/":
            raise Refusal(400, "token credential backend cannot be disabled")
        self._vault.mounts.remove(path)
        for token in self._vault.tokens.living():
            if token.path.startswith(path):
                self._vault.tokens.revoke(token.id)
