"""Response wrapping, through unmodified hvac and on the wire."""

from __future__ import annotations

from collections.abc import Callable

import hvac.exceptions
import pytest

from tests.sandbox.vault.conftest import Server

INVALID = {"errors": ["wrapping token is not valid or does not exist"]}
FIVE_MINUTES = {"X-Vault-Wrap-TTL": "5m"}


@pytest.fixture
def wrapped(server: Server, key: str) -> str:
    """Return the token of a wrapped KV read."""
    server.raw("POST", f"kv/data/{key}", json={"data": {"a": 1}})
    answer = server.raw("GET", f"kv/data/{key}", headers=FIVE_MINUTES).json()
    assert (answer["data"], answer["auth"], answer["request_id"]) == (None, None, "")
    info = answer["wrap_info"]
    assert (info["ttl"], info["creation_path"]) == (300, f"kv/data/{key}")
    assert set(info) == {"token", "accessor", "ttl", "creation_time", "creation_path"}
    return info["token"]


@pytest.mark.parametrize("how", ["body", "header"])
def test_unwraps_once(server: Server, wrapped: str, how: str) -> None:
    """The answer comes out once, whole, and the second try is refused."""
    call = {"json": {"token": wrapped}} if how == "body" else {"token": wrapped}
    first = server.raw("POST", "sys/wrapping/unwrap", **call)
    assert first.status_code == 200
    assert first.json()["data"]["data"] == {"a": 1}
    assert first.json()["wrap_info"] is None
    second = server.raw("POST", "sys/wrapping/unwrap", **call)
    assert (second.status_code, second.json()) == (400, INVALID)


def test_a_stranger_cannot_unwrap(server: Server, wrapped: str) -> None:
    """With the token in the body, a call without a token of its own is refused and spoils nothing."""
    answer = server.raw("POST", "sys/wrapping/unwrap", token="", json={"token": wrapped})
    assert answer.status_code == 403
    answer = server.raw("POST", "sys/wrapping/unwrap", json={"token": wrapped})
    assert answer.status_code == 200


def test_lookup_tells_the_origin_without_spending(server: Server, wrapped: str, key: str) -> None:
    """Lookup needs no token of its own, and shows where the wrapping was made."""
    for _ in range(2):
        client = server.client("")
        data = client.write_data("sys/wrapping/lookup", data={"token": wrapped})["data"]
        assert (data["creation_path"], data["creation_ttl"]) == (f"kv/data/{key}", 300)
        assert data["creation_time"].endswith("Z")
    assert server.client().sys.unwrap(wrapped)["data"]["data"] == {"a": 1}


def test_rewrap_replaces_the_token(server: Server, wrapped: str, key: str) -> None:
    """Rewrapping gives a new token for the same answer and ends the old one."""
    answer = server.raw("POST", "sys/wrapping/rewrap", json={"token": wrapped}).json()
    info = answer["wrap_info"]
    assert (info["ttl"], info["creation_path"]) == (300, f"kv/data/{key}")
    assert server.raw("POST", "sys/wrapping/unwrap", json={"token": wrapped}).json() == INVALID
    assert server.client().sys.unwrap(info["token"])["data"]["data"] == {"a": 1}


def test_wraps_anything(server: Server) -> None:
    """Any object can be wrapped; a wrapping token may do nothing but unwrap."""
    token = server.client().sys.wrap({"a": "b"}, ttl=60)["wrap_info"]["token"]
    assert server.client().sys.unwrap(token)["data"] == {"a": "b"}
    token = server.client().sys.wrap({"a": "b"}, ttl=60)["wrap_info"]["token"]
    assert server.raw("GET", "sys/mounts", token=token).status_code == 403
    # That was its one use.
    assert server.raw("POST", "sys/wrapping/unwrap", token=token).json() == INVALID


def test_wrapped_secret_id(server: Server, approle: Callable[..., str]) -> None:
    """A secret id arrives wrapped, names its origin and accessor, and signs in once unwrapped."""
    role, root = approle(), server.client().auth.approle
    info = root.generate_secret_id(role, wrap_ttl="60s")["wrap_info"]
    assert info["creation_path"] == f"auth/approle/role/{role}/secret-id"
    secret_id = server.client(info["token"]).sys.unwrap()["data"]
    assert secret_id["secret_id_accessor"] == info["wrapped_accessor"]
    client = server.client("")
    client.auth.approle.login(root.read_role_id(role)["data"]["role_id"], secret_id["secret_id"])
    assert client.is_authenticated()


def test_wrapped_login(server: Server, approle: Callable[..., str]) -> None:
    """A wrapped login is taken over with auth_cubbyhole."""
    role, root = approle(), server.client().auth.approle
    body = {
        "role_id": root.read_role_id(role)["data"]["role_id"],
        "secret_id": root.generate_secret_id(role)["data"]["secret_id"],
    }
    answer = server.raw("POST", "auth/approle/login", token="", json=body, headers=FIVE_MINUTES)
    info = answer.json()["wrap_info"]
    client = server.client("")
    client.auth_cubbyhole(info["token"])
    about = client.auth.token.lookup_self()["data"]
    assert about["accessor"] == info["wrapped_accessor"]


def test_wraps_a_deleted_version(server: Server, key: str) -> None:
    """A 404 with a body is wrapped like any answer, and is a 404 again when unwrapped."""
    server.raw("POST", f"kv/data/{key}", json={"data": {"a": 1}})
    server.raw("DELETE", f"kv/data/{key}")
    answer = server.raw("GET", f"kv/data/{key}", headers=FIVE_MINUTES)
    assert answer.status_code == 200
    token = answer.json()["wrap_info"]["token"]
    answer = server.raw("POST", "sys/wrapping/unwrap", json={"token": token})
    assert answer.status_code == 404
    assert answer.json()["data"]["data"] is None


def test_errors_and_empty_answers_are_not_wrapped(server: Server, key: str) -> None:
    """Where there is nothing to wrap, the plain answer comes."""
    for method, path, status in (
        ("GET", f"kv/data/{key}", 404),
        ("DELETE", f"kv/data/{key}", 204),
        ("LIST", f"kv/metadata/{key}", 404),
        ("POST", f"kv/data/{key}", 400),
    ):
        assert server.raw(method, path, headers=FIVE_MINUTES).status_code == status


@pytest.mark.parametrize(
    ("ttl", "error"),
    [
        ("zz", 'error parsing X-Vault-Wrap-TTL header: time: invalid duration "zz"'),
        ("-5", "error parsing X-Vault-Wrap-TTL header: requested wrap ttl cannot be negative"),
    ],
)
def test_refuses_a_bad_length(server: Server, ttl: str, error: str) -> None:
    """A length that is none is refused."""
    answer = server.raw("GET", "sys/mounts", headers={"X-Vault-Wrap-TTL": ttl})
    assert (answer.status_code, answer.json()) == (400, {"errors": [error]})


@pytest.mark.parametrize(
    ("body", "token", "status", "error"),
    [
        ({"token": "forged"}, None, 400, INVALID["errors"][0]),
        ({}, None, 400, INVALID["errors"][0]),
        ({"token": ""}, None, 403, "error validating wrapping token: empty token in request body"),
        ({}, "", 403, "error validating wrapping token: token is empty"),
    ],
)
def test_refuses_a_token_that_wraps_nothing(server: Server, body, token, status, error) -> None:
    """Forged, ordinary, empty and missing tokens are refused."""
    answer = server.raw("POST", "sys/wrapping/unwrap", token=token, json=body)
    assert (answer.status_code, answer.json()) == (status, {"errors": [error]})


def test_hvac_reports_an_intercepted_token(server: Server, wrapped: str) -> None:
    """Through hvac a used token is an InvalidRequest: the sign of an interception."""
    server.client().sys.unwrap(wrapped)
    with pytest.raises(hvac.exceptions.InvalidRequest):
        server.client().sys.unwrap(wrapped)
