"""What an administrator does to a fresh Vault before the orchestrator may use it, and to look at it later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from sandbox.standin.tls import client_context

READING_POLICY = """
path "kv/data/cayosoft/*"         { capabilities = ["read"] }
path "kv/metadata/cayosoft/*"     { capabilities = ["read"] }
path "kv/data/orchestrator/*"     { capabilities = ["read"] }
path "kv/metadata/orchestrator/*" { capabilities = ["read"] }
path "kv/data/approvals/+/+"      { capabilities = ["read"] }
path "kv/metadata/approvals/*"    { capabilities = ["list", "read"] }
path "kv/data/rotation/*"         { capabilities = ["create", "update", "read"] }
path "kv/metadata/rotation/*"     { capabilities = ["read"] }
"""
"""For an orchestrator that only brings to the consoles what others rotate."""

ROTATING_POLICY = """
path "kv/data/cayosoft/*"         { capabilities = ["create", "update", "read"] }
path "kv/metadata/cayosoft/*"     { capabilities = ["read"] }
path "kv/data/orchestrator/*"     { capabilities = ["read"] }
path "kv/metadata/orchestrator/*" { capabilities = ["read"] }
path "kv/data/approvals/+/+"      { capabilities = ["read"] }
path "kv/metadata/approvals/*"    { capabilities = ["list", "read"] }
path "kv/data/rotation/*"         { capabilities = ["create", "update", "read"] }
path "kv/metadata/rotation/*"     { capabilities = ["read", "delete"] }

path "sys/policies/password/account-rotation/generate" { capabilities = ["read"] }
"""
"""For an orchestrator that makes passwords itself: it stages, promotes and discards them."""

# Without the quotation mark and the backslash, which consoles, shells and LDAP tools treat as their own.
PASSWORD_RULES = """
length = 32
rule "charset" {
  charset = "abcdefghijklmnopqrstuvwxyz"
  min-chars = 1
}
rule "charset" {
  charset = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
  min-chars = 1
}
rule "charset" {
  charset = "0123456789"
  min-chars = 1
}
rule "charset" {
  charset = "!#$%*+,-./:;=?@^_~"
  min-chars = 1
}
"""


class VaultAdmin:
    """Set Vault up over its API with the root token, as on a real server."""

    def __init__(self, url: str, ca_file: Path, root_token: str) -> None:
        self.token = root_token
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

    def read(self, path: str, version: int = 0) -> dict[str, str]:
        """Return the fields of a secret below the mount kv, of its current version unless told."""
        answer = self.call("GET", f"/kv/data/{path}?version={version}")
        return dict(answer["data"]["data"])

    def names_below(self, folder: str) -> list[str]:
        """Return the paths of all secrets in a folder of the mount kv, and in the folders inside it."""
        return [path for path in self._listed(folder) if not path.endswith("/")]

    def passwords_below(self, place: str) -> set[str]:
        """Return the passwords of a secret, and of those below its path, in every version that can be read."""
        return {
            fields["password"]
            for path in [place, *self.names_below(place)]
            for version in self._readable_versions(path)
            if "password" in (fields := self.read(path, version))
        }

    def _listed(self, folder: str) -> Iterator[str]:
        keys = self._answer_if_there("LIST", f"/kv/metadata/{folder}").get("keys", [])
        for key in keys:
            yield f"{folder}/{key}"
            if key.endswith("/"):
                yield from self._listed(f"{folder}/{key.rstrip('/')}")

    def _readable_versions(self, path: str) -> list[int]:
        versions = self._answer_if_there("GET", f"/kv/metadata/{path}").get("versions", {})
        return [
            int(number)
            for number, version in versions.items()
            if not version["destroyed"] and not version["deletion_time"]
        ]

    def _answer_if_there(self, method: str, path: str) -> dict[str, Any]:
        answer = self._http.request(method, path)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        answer.raise_for_status()
        return dict(answer.json()["data"])

    def write_password_policy(self, name: str, rules: str = PASSWORD_RULES) -> None:
        """Write a policy by which Vault makes passwords."""
        self.call("PUT", f"/sys/policies/password/{name}", {"policy": rules})

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

    def person(self, name: str, policy: str) -> str:
        """Make somebody with one policy, for a day; return the token."""
        self.call("PUT", f"/sys/policies/acl/{name}", {"policy": policy})
        made = self.call("POST", "/auth/token/create", {"policies": [name], "ttl": "24h"})
        return str(made["auth"]["client_token"])

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
