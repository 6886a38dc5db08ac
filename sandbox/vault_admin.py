"""What an administrator does to a fresh Vault before the orchestrator may use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from sandbox.standin.tls import client_context

ORCHESTRATOR_POLICY = """
path "kv/data/cayosoft/*"         { capabilities = ["read"] }
path "kv/metadata/cayosoft/*"     { capabilities = ["read"] }
path "kv/data/orchestrator/*"     { capabilities = ["read"] }
path "kv/metadata/orchestrator/*" { capabilities = ["read"] }
path "kv/data/rotation/*"         { capabilities = ["create", "update", "read"] }
path "kv/metadata/rotation/*"     { capabilities = ["read"] }
"""


class VaultAdmin:
    """Set Vault up over its API with the root token, as on a real server."""

    def __init__(self, url: str, ca_file: Path, root_token: str) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/v1",
            headers={"X-Vault-Token": root_token},
            verify=client_context(ca_file),
            trust_env=False,
        )

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call the API; raise for a refusal."""
        answer = self._http.request(method, path, json=body)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def write(self, path: str, fields: dict[str, str]) -> int:
        """Write a new version of a secret below the mount kv; return its number."""
        answer = self.call("POST", f"/kv/data/{path}", {"data": fields})
        return int(answer["data"]["version"])

    def admit(self, role: str, policy: str) -> tuple[str, str]:
        """Make an AppRole with one policy; return its RoleID and a SecretID."""
        self.call("PUT", f"/sys/policies/acl/{role}", {"policy": policy})
        if "approle/" not in self.call("GET", "/sys/auth").get("data", {}):
            self.call("POST", "/sys/auth/approle", {"type": "approle"})
        settings = {"token_policies": [role], "token_ttl": "20m", "token_max_ttl": "1h"}
        self.call("POST", f"/auth/approle/role/{role}", settings)
        role_id = self.call("GET", f"/auth/approle/role/{role}/role-id")["data"]["role_id"]
        made = self.call("POST", f"/auth/approle/role/{role}/secret-id")["data"]
        return role_id, made["secret_id"]

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
