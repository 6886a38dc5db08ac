"""Approvals: read below each person's own folder; nobody can write below another one's."""

from __future__ import annotations

import secrets

import httpx
import pytest

from connectors.errors import NotPermitted, Unreachable
from connectors.models import SecretHandle
from connectors.vault.client import VaultClient
from sandbox.standin.process import StandIn
from tests.contracts.vault.server import MOUNT, Server
from tests.waiting import eventually

PLACE = SecretHandle(MOUNT, "approvals")
OWN_FOLDER = """
path "{mount}/data/approvals/{who}/*" {{ capabilities = ["create"] }}
"""


class People:
    """Those who approve. On a real server one policy with a template is everybody's; else each has one."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._templated = server.stand_in is None
        if self._templated:
            if "userpass/" not in server.admin("GET", "sys/auth")["data"]:
                server.admin("POST", "sys/auth/userpass", {"type": "userpass"})
            accessor = server.admin("GET", "sys/auth")["data"]["userpass/"]["accessor"]
            who = f"{{{{identity.entity.aliases.{accessor}.name}}}}"
            self._policy("approver", who)

    def _policy(self, name: str, who: str) -> None:
        text = OWN_FOLDER.format(mount=MOUNT, who=who)
        self._server.admin("PUT", f"sys/policies/acl/{name}", {"policy": text})

    def token_of(self, name: str) -> str:
        """Return the token of somebody who has signed in under this name."""
        if not self._templated:
            self._policy(f"approver-{name}", name)
            body = {"policies": [f"approver-{name}"], "ttl": "1h"}
            return str(
                self._server.admin("POST", "auth/token/create", body)["auth"]["client_token"]
            )
        password = secrets.token_urlsafe(16)
        user = {"password": password, "token_policies": "approver"}
        self._server.admin("POST", f"auth/userpass/users/{name}", user)
        answer = self._server.admin("POST", f"auth/userpass/login/{name}", {"password": password})
        return str(answer["auth"]["client_token"])

    def write(self, name: str, folder: str, key: str, answer: str) -> int:
        """Write an answer into somebody's folder, as this person; return the status."""
        url = f"{self._server.url}/v1/{MOUNT}/data/{PLACE.path}/{folder}/{key}"
        done = httpx.post(
            url,
            headers={"X-Vault-Token": self.token_of(name)},
            json={"data": {"answer": answer}},
            verify=self._server.trust(),
            trust_env=False,
        )
        return done.status_code


@pytest.fixture
def people(server: Server) -> People:
    """Return those who approve."""
    return People(server)


@pytest.fixture
def key() -> str:
    """Name a form that no other test uses."""
    return f"form-{secrets.token_hex(6)}"


def test_tells_who_has_answered(client: VaultClient, people: People, key: str) -> None:
    """Each answer comes with the folder it lies in; what was written about another form is not among them."""
    assert people.write("ines", "ines", key, "saved") == 200
    assert people.write("omar", "omar", f"{key}-2", "declined") == 200

    found = eventually(lambda: client.approvals(PLACE, key), bool)

    assert [(item.by, item.answer) for item in found] == [("ines", "saved")]
    assert client.approvals(PLACE, f"{key}-3") == ()


def test_nobody_answers_for_another(client: VaultClient, people: People, key: str) -> None:
    """Below another's folder a write is refused; an answer that was given is not taken back."""
    assert people.write("omar", "ines", key, "saved") == 403
    assert client.approvals(PLACE, key) == ()
    assert people.write("omar", "omar", key, "saved") == 200
    assert people.write("omar", "omar", key, "declined") == 403

    found = eventually(lambda: client.approvals(PLACE, key), bool)

    assert [(item.by, item.answer) for item in found] == [("omar", "saved")]


def test_nobody_has_answered(client: VaultClient) -> None:
    """A folder that is not there holds no approval."""
    assert client.approvals(SecretHandle(MOUNT, "approvals/of/nobody"), "x") == ()


def test_without_an_answer(client: VaultClient, server: Server, key: str) -> None:
    """A document without the field ``answer`` approves nothing, and its values are nobody's business."""
    server.admin("POST", f"{MOUNT}/data/approvals/ines/{key}", {"data": {"reply": "saved"}})
    assert client.approvals(PLACE, key) == ()


def test_may_not_look(client: VaultClient) -> None:
    """Where the policy does not allow the listing, the error names the path and the capability."""
    with pytest.raises(NotPermitted) as refused:
        client.approvals(SecretHandle(MOUNT, "elsewhere"), "x")
    assert "list" in refused.value.what_to_do()


def test_an_outage_is_not_a_no(shaken: VaultClient, faults: StandIn) -> None:
    """Whether somebody has approved is not answered by a server that is busy."""
    faults.arm("kv.list", "status", status=503, times=0)
    with pytest.raises(Unreachable, match="approvals"):
        shaken.approvals(PLACE, "x")
