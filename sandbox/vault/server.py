"""The stand-in as a server: routes by mount, state for assertions, set-up commands."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import Any
from urllib.parse import quote, unquote

from sandbox.standin.control import Control
from sandbox.standin.http import App, Handler, Request, Response
from sandbox.standin.process import Config, Endpoints
from sandbox.standin.tls import server_context
from sandbox.vault.core import Vault
from sandbox.vault.kv import KeyValue
from sandbox.vault.ldap import Ldap
from sandbox.vault.passwords import Passwords
from sandbox.vault.policy_api import PolicyApi
from sandbox.vault.system import Health, MountApi, mount_kv
from sandbox.vault.token_api import TokenApi
from sandbox.vault.tokens import random_id
from sandbox.vault.wire import HEADERS, Refusal, refused
from sandbox.vault.wrapping import Wrapping


class VaultApp(App):
    """Finds the route by what is mounted at this moment, not by a fixed list."""

    def __init__(self, control: Control, vault: Vault) -> None:
        super().__init__(control)
        self._vault = vault
        self._health = Health(vault)

    def match(self, method: str, path: str) -> tuple[str, Handler, dict[str, str]]:
        """Name the route of a request and return who answers it."""
        path = unquote(path)
        if path in self._health.paths:
            return self._health.paths[path][0], self._health.answer, {}
        if not path.startswith("/v1/"):
            return "unknown", lambda _: refused(Refusal(404)), {}
        if _cleaned(path) != path:
            return "unknown", _to_clean_path, {}
        return self._vault.route_name(method, path), self._vault.answer, {}


def _cleaned(path: str) -> str:
    clean = posixpath.normpath(path)
    return clean + "/" if path.endswith("/") and clean != "/" else clean


def _to_clean_path(request: Request) -> Response:
    return Response(307, None, headers={**HEADERS, "Location": quote(_cleaned(request.path))})


def build(control: Control, root_token: str) -> tuple[VaultApp, Vault]:
    """Build a Vault as a development server starts it, with one more KV mount: ``kv/``."""
    vault = Vault(control, root_token)
    TokenApi(vault)
    Wrapping(vault)
    Passwords(vault)
    PolicyApi(vault)
    MountApi(vault)
    mount_kv(vault, "secret/", "key/value secret storage")
    mount_kv(vault, "kv/")
    control.show_state = lambda: _show(vault)
    control.change_state = lambda command: _change(vault, command)
    return VaultApp(control, vault), vault


def _show(vault: Vault) -> dict[str, Any]:
    with vault.lock:
        engines = vault.mounts.listed(auth=False)
        return {
            "sealed": vault.sealed,
            "now": vault.now(),
            "tokens": Counter(  # by the role that made them
                (token.meta or {}).get("role_name", "") for token in vault.tokens.living()
            ),
            "policies": sorted(vault.policies),
            "auth": sorted(vault.mounts.listed(auth=True)),
            "secrets": {
                path: mount.engine.show_state()
                for path, mount in engines.items()
                if isinstance(mount.engine, KeyValue)
            },
            "static_roles": {
                path: mount.engine.show_state()
                for path, mount in engines.items()
                if isinstance(mount.engine, Ldap)
            },
        }


def _change(vault: Vault, command: dict[str, Any]) -> dict[str, Any]:
    """Run ``seal``, ``unseal``, ``revoke_tokens`` (of an AppRole role) or ``rotate_on_read`` (of a static one)."""
    with vault.lock:
        match command["do"]:
            case "seal":
                vault.sealed = True
            case "unseal":
                vault.sealed = False
            case "revoke_tokens":
                for token in vault.tokens.living():
                    if (token.meta or {}).get("role_name") == command["role"]:
                        vault.tokens.revoke(token.id)
            case "rotate_on_read":
                mount = vault.mounts.get(command["mount"].rstrip("/") + "/")
                if mount is None or not isinstance(mount.engine, Ldap):
                    raise ValueError("no LDAP engine is mounted there")
                mount.engine.set_rotate_on_read(command["role"], command.get("on", True))
            case unknown:
                raise ValueError(f"no command {unknown}")
    return {"sealed": vault.sealed}


def start(config: Config) -> Endpoints:
    """Start the stand-in; see the README for the configuration."""
    control = Control()
    app, _ = build(control, config.get("root_token") or f"s.{random_id()}")
    tls = config.get("tls")
    context = server_context(tls["cert"], tls["key"]) if tls else None
    port = app.serve(int(config.get("port") or 0), context).server_address[1]
    side_door = control.serve().server_address[1]
    return {
        "url": f"{'https' if tls else 'http'}://127.0.0.1:{port}",
        "control": f"http://127.0.0.1:{side_door}",
    }
