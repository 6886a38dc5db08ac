"""What the stand-in can be told to do wrong, its clock, its state and its journal."""

from __future__ import annotations

import json
import secrets
import threading

import hvac
import hvac.exceptions
import pytest
import requests

from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.sandbox.vault.conftest import Server, fresh


@pytest.fixture
def machine(stand_in: Server) -> StandIn:
    """Return the side door."""
    assert stand_in.stand_in
    return stand_in.stand_in


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("sealed", 503, "Vault is sealed"),
        ("no_active_node", 503, "no active Vault instance found"),
        ("behind", 412, "required index state not present"),
        ("throttled", 429, 'request path "kv/data/{key}": rate limit quota exceeded'),
        ("token_expired", 403, "permission denied"),
        ("denied", 403, "1 error occurred:\n\t* permission denied\n\n"),
    ],
)
def test_answers_as_told(stand_in: Server, machine: StandIn, key, kind, status, text) -> None:
    """Each fault hits the armed number of calls on its route, and nothing else."""
    machine.arm("kv.read", kind)
    assert stand_in.raw("POST", f"kv/data/{key}", json={"data": {}}).status_code == 200
    answer = stand_in.raw("GET", f"kv/data/{key}")
    assert (answer.status_code, answer.json()) == (status, {"errors": [text.format(key=key)]})
    assert stand_in.raw("GET", f"kv/data/{key}").status_code == 200


def test_throttling_says_how_long(stand_in: Server, machine: StandIn, key: str) -> None:
    """A throttled call carries the wait."""
    machine.arm("kv.*", "throttled", retry_after=7)
    answer = stand_in.raw("GET", f"kv/data/{key}")
    assert (answer.headers["Retry-After"], answer.headers["X-Ratelimit-Remaining"]) == ("7", "0")


def test_redirects_elsewhere(stand_in: Server, machine: StandIn, key: str) -> None:
    """A redirect names the same path and query on the other server."""
    machine.arm("kv.read", "redirect", args={"location": "https://other.example.test:8200"})
    answer = stand_in.raw("GET", f"kv/data/{key}?version=1")
    wanted = f"https://other.example.test:8200/v1/kv/data/{key}?version=1"
    assert (answer.status_code, answer.headers["Location"], answer.content) == (307, wanted, b"")


def test_standby_is_seen_in_health(stand_in: Server, machine: StandIn) -> None:
    """A standby answers 429, or 200 when that is asked for."""
    machine.arm("sys.health", "standby", times=2)
    answer = stand_in.raw("GET", "sys/health", token="")
    assert (answer.status_code, answer.json()["standby"]) == (429, True)
    assert stand_in.raw("GET", "sys/health?standbyok=true", token="").status_code == 200


def test_stale_reads_lag_one_write_behind(stand_in: Server, machine: StandIn, key: str) -> None:
    """A stale read shows the version before, in data and in metadata, and ends by itself."""
    for value in (1, 2):
        stand_in.raw("POST", f"kv/data/{key}", json={"data": {"value": value}})
    machine.arm("kv.read", "stale", times=2)
    machine.arm("kv.metadata", "stale")
    stale = stand_in.raw("GET", f"kv/data/{key}").json()["data"]
    assert (stale["data"], stale["metadata"]["version"]) == ({"value": 1}, 1)
    assert stand_in.raw("GET", f"kv/data/{key}?version=2").status_code == 404
    about = stand_in.raw("GET", f"kv/metadata/{key}").json()["data"]
    assert (about["current_version"], sorted(about["versions"])) == (1, ["1"])
    assert stand_in.raw("GET", f"kv/data/{key}").json()["data"]["metadata"]["version"] == 2


def test_a_stale_first_version_is_not_there(stand_in: Server, machine: StandIn, key: str) -> None:
    """Before the first write arrived there was nothing."""
    stand_in.raw("POST", f"kv/data/{key}", json={"data": {}})
    machine.arm("kv.read", "stale")
    answer = stand_in.raw("GET", f"kv/data/{key}")
    assert (answer.status_code, answer.json()) == (404, {"errors": []})


def test_an_answer_can_be_lost_after_the_write(stand_in: Server, machine: StandIn, key) -> None:
    """A write whose answer was lost has happened, and check-and-set tells."""
    machine.arm("kv.write", "answer_lost")
    kv = stand_in.client().secrets.kv.v2
    with pytest.raises(requests.exceptions.ConnectionError):
        kv.create_or_update_secret(key, {"a": 1}, cas=0, mount_point="kv")
    with pytest.raises(hvac.exceptions.InvalidRequest):
        kv.create_or_update_secret(key, {"a": 1}, cas=0, mount_point="kv")


def test_sealing_stops_everything_but_health(stand_in: Server, machine: StandIn, key) -> None:
    """A sealed server says so, keeps its secrets, and serves them again once unsealed."""
    stand_in.raw("POST", f"kv/data/{key}", json={"data": {"a": 1}})
    machine.do("seal")
    client = stand_in.client()
    assert client.sys.is_sealed() is True
    with pytest.raises(hvac.exceptions.VaultDown):
        client.secrets.kv.v2.read_secret_metadata(key, mount_point="kv")
    health = stand_in.raw("GET", "sys/health", token="")
    assert (health.status_code, health.json()["sealed"]) == (503, True)
    assert "cluster_id" not in health.json()
    machine.do("unseal")
    assert stand_in.raw("GET", f"kv/data/{key}").json()["data"]["data"] == {"a": 1}


def test_tokens_expire_with_the_clock(stand_in: Server, machine: StandIn) -> None:
    """A token lives until its time, unless it was renewed."""
    token, renewed = (stand_in.token("default", ttl="1h") for _ in range(2))
    machine.advance(3000)
    stand_in.raw("POST", "auth/token/renew-self", token=renewed)
    machine.advance(700)
    statuses = [
        stand_in.raw("GET", "auth/token/lookup-self", token=t).status_code for t in (token, renewed)
    ]
    assert statuses == [403, 200]


def test_expiry_takes_the_children_along(stand_in: Server, machine: StandIn) -> None:
    """A child with a longer life ends with its parent."""
    maker = stand_in.policy('path "auth/token/create" { capabilities = ["update"] }')
    parent = stand_in.token("default", maker, ttl="1m")
    body = {"policies": ["default"], "ttl": "1h"}
    answer = stand_in.raw("POST", "auth/token/create", token=parent, json=body)
    child = answer.json()["auth"]["client_token"]
    machine.advance(61)
    assert stand_in.raw("GET", "auth/token/lookup-self", token=child).status_code == 403


def test_secret_ids_and_wrappings_expire(stand_in: Server, machine: StandIn) -> None:
    """A secret id and a wrapping token are worth nothing after their time."""
    path = fresh("approle")
    stand_in.raw("POST", f"sys/auth/{path}", json={"type": "approle"})
    stand_in.raw("POST", f"auth/{path}/role/r", json={"secret_id_ttl": "10m"})
    approle = stand_in.client().auth.approle
    role_id = approle.read_role_id("r", mount_point=path)["data"]["role_id"]
    secret_id = approle.generate_secret_id("r", mount_point=path)["data"]["secret_id"]
    wrapped = stand_in.client().sys.wrap({"a": "b"}, ttl=60)["wrap_info"]["token"]
    machine.advance(601)
    body = {"role_id": role_id, "secret_id": secret_id}
    answer = stand_in.raw("POST", f"auth/{path}/login", token="", json=body)
    assert (answer.status_code, answer.json()) == (400, {"errors": ["invalid role or secret ID"]})
    assert stand_in.raw("POST", "sys/wrapping/unwrap", json={"token": wrapped}).status_code == 400


def test_versions_expire_with_the_clock(stand_in: Server, machine: StandIn, key: str) -> None:
    """delete_version_after deletes by itself; undelete gives the version another term."""
    stand_in.raw("POST", f"kv/metadata/{key}", json={"delete_version_after": "1h"})
    stand_in.raw("POST", f"kv/data/{key}", json={"data": {}})
    machine.advance(3601)
    assert stand_in.raw("GET", f"kv/data/{key}").status_code == 404
    stand_in.raw("POST", f"kv/undelete/{key}", json={"versions": [1]})
    assert stand_in.raw("GET", f"kv/data/{key}").status_code == 200
    machine.advance(3601)
    assert stand_in.raw("GET", f"kv/data/{key}").status_code == 404


def test_a_roles_tokens_can_be_revoked(stand_in: Server, machine: StandIn) -> None:
    """The state command ends the tokens of one AppRole role."""
    path = fresh("approle")
    stand_in.raw("POST", f"sys/auth/{path}", json={"type": "approle"})
    approle = stand_in.client().auth.approle
    approle.create_or_update_approle("worker", mount_point=path)
    role_id = approle.read_role_id("worker", mount_point=path)["data"]["role_id"]
    secret_id = approle.generate_secret_id("worker", mount_point=path)["data"]["secret_id"]
    client = stand_in.client("")
    client.auth.approle.login(role_id, secret_id, mount_point=path)
    machine.do("revoke_tokens", role="worker")
    assert client.is_authenticated() is False


def test_one_of_many_writers_wins(stand_in: Server, key: str) -> None:
    """Under check-and-set exactly one of several simultaneous writers succeeds."""
    statuses: list[int] = []
    body = {"options": {"cas": 0}, "data": {}}

    def write() -> None:
        statuses.append(stand_in.raw("POST", f"kv/data/{key}", json=body).status_code)

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(statuses) == [200] + [400] * 7


def test_state_and_journal_hold_no_value(stand_in: Server, machine: StandIn, key: str) -> None:
    """State shows versions and the journal shows calls; neither a value nor a token."""
    value = secrets.token_urlsafe(24)
    token = stand_in.token("default", stand_in.policy('path "kv/*" { capabilities = ["create"] }'))
    stand_in.raw("POST", f"kv/data/{key}", token=token, json={"data": {"password": value}})
    stand_in.raw("POST", f"kv/data/{key}", json={"data": {"password": value}})
    stand_in.raw("DELETE", f"kv/data/{key}")
    state = machine.state()
    assert state["secrets"]["kv/"][key] == {
        "current_version": 2,
        "oldest_version": 0,
        "custom_metadata": None,
        "versions": {"1": "live", "2": "deleted"},
    }
    assert state["tokens"][""] >= 2
    shown = json.dumps([state, machine.journal()])
    assert not any(hidden in shown for hidden in (value, token, stand_in.root_token))
    last = machine.calls("kv.delete")[-1]
    assert (last["detail"]["path"], last["outcome"]) == (f"/v1/kv/data/{key}", "204")


def test_speaks_tls(authority: Authority) -> None:
    """With a certificate it serves HTTPS, and a client that trusts the CA connects."""
    certificate, private_key = authority.issue("vault")
    root_token = secrets.token_urlsafe(24)
    config = {
        "root_token": root_token,
        "tls": {"cert": str(certificate), "key": str(private_key)},
    }
    with StandIn.start("sandbox.vault", config) as stand_in:
        client = hvac.Client(stand_in.url, token=root_token, verify=str(authority.ca_file))
        assert stand_in.url.startswith("https://")
        assert client.is_authenticated()
        client.adapter.close()
