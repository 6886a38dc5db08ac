"""Tokens and AppRole, through unmodified hvac and on the wire."""

from __future__ import annotations

from collections.abc import Callable

import hvac.exceptions
import pytest

from tests.sandbox.vault.conftest import Server, fresh

DENIED = {"errors": ["permission denied"]}


@pytest.mark.parametrize("token", ["", "s.unknown"])
def test_an_unknown_token_may_nothing(server: Server, key: str, token: str) -> None:
    """No token and an unknown one are refused alike, even where nothing is mounted."""
    for path in (f"kv/data/{key}", "none/at-all", "auth/token/lookup-self", "sys/mounts"):
        answer = server.raw("GET", path, token=token)
        assert (answer.status_code, answer.json()) == (403, DENIED)


def test_bearer_header_is_a_token_too(server: Server) -> None:
    """The Authorization header works like X-Vault-Token."""
    headers = {"Authorization": f"Bearer {server.root_token}"}
    assert server.raw("GET", "auth/token/lookup-self", token="", headers=headers).is_success


def test_token_knows_itself(server: Server) -> None:
    """lookup-self shows policies, times and origin."""
    token = server.token("default", ttl="1h", meta={"a": "b"}, display_name="x y")
    data = server.client(token).auth.token.lookup_self()["data"]
    assert data["id"] == token
    assert data["policies"] == ["default"]
    assert data["display_name"] == "token-x-y"
    assert data["meta"] == {"a": "b"}
    assert (data["path"], data["type"], data["orphan"]) == ("auth/token/create", "service", False)
    assert (data["creation_ttl"], data["num_uses"], data["renewable"]) == (3600, 0, True)
    assert 3590 <= data["ttl"] <= 3600
    assert set(data) == {
        "accessor", "creation_time", "creation_ttl", "display_name", "entity_id", "expire_time",
        "explicit_max_ttl", "id", "issue_time", "meta", "num_uses", "orphan", "path", "policies",
        "renewable", "ttl", "type",
    }  # fmt: skip


def test_renewal_is_capped(server: Server) -> None:
    """A renewal beyond explicit_max_ttl is cut to what is left, with a warning."""
    client = server.client(server.token("default", ttl="10m", explicit_max_ttl="1h"))
    answer = client.auth.token.renew_self(increment="2h")
    assert 3590 <= answer["auth"]["lease_duration"] <= 3600
    [warning] = answer["warnings"]
    assert warning.startswith('TTL of "2h" exceeded the effective max_ttl of ')
    assert client.auth.token.renew_self(increment="5m")["auth"]["lease_duration"] == 300


@pytest.mark.parametrize(
    ("made_with", "text"),
    [
        ({"renewable": False, "ttl": "1h"}, "lease is not renewable"),
        ({"type": "batch", "ttl": "1h"}, "batch tokens cannot be renewed"),
    ],
)
def test_some_tokens_cannot_be_renewed(server: Server, made_with, text: str) -> None:
    """Tokens made without renewal, and batch tokens, are refused."""
    client = server.client(server.token("default", **made_with))
    with pytest.raises(hvac.exceptions.InvalidRequest) as refused:
        client.auth.token.renew_self()
    assert refused.value.errors == [text]


def test_revoking_takes_the_children_along(server: Server) -> None:
    """A revoked token and the tokens it made are unknown afterwards; orphans live on."""
    maker = server.policy('path "auth/token/create*" { capabilities = ["update"] }')
    parent = server.token("default", maker)
    made = {
        kind: server.raw("POST", f"auth/token/{kind}", token=parent, json={"policies": ["default"]})
        for kind in ("create", "create-orphan")
    }
    server.client(parent).auth.token.revoke_self()
    lives = {
        kind: server.raw(
            "GET", "auth/token/lookup-self", token=answer.json()["auth"]["client_token"]
        ).is_success
        for kind, answer in made.items()
    }
    assert lives == {"create": False, "create-orphan": True}
    assert server.raw("GET", "auth/token/lookup-self", token=parent).status_code == 403


def test_a_child_has_no_more_policies_than_its_parent(server: Server) -> None:
    """Without sudo, a token cannot make a mightier one."""
    maker = server.policy('path "auth/token/create" { capabilities = ["update"] }')
    parent = server.token("default", maker)
    answer = server.raw("POST", "auth/token/create", token=parent, json={"policies": ["other"]})
    assert (answer.status_code, answer.json()) == (
        400,
        {"errors": ["child policies must be subset of parent"]},
    )
    answer = server.raw("POST", "auth/token/create", token=parent, json={"no_parent": True})
    assert answer.status_code == 400


def test_uses_are_counted(server: Server, key: str) -> None:
    """A token for two uses is good for two calls, refused ones included."""
    token = server.token("default", num_uses=2)
    assert server.raw("GET", f"kv/data/{key}", token=token).status_code == 403
    last = server.raw("GET", "auth/token/lookup-self", token=token)
    assert (last.status_code, last.json()["data"]["num_uses"]) == (200, -1)
    assert server.raw("GET", "auth/token/lookup-self", token=token).json() == DENIED


def test_warns_of_unknown_policies(server: Server) -> None:
    """A policy that does not exist is accepted with a warning."""
    answer = server.raw("POST", "auth/token/create", json={"policies": ["none-such"]})
    assert answer.json()["auth"]["policies"] == ["default", "none-such"]
    assert answer.json()["warnings"] == ['Policy "none-such" does not exist']


def test_tokens_by_accessor(server: Server) -> None:
    """An accessor finds and revokes a token without knowing it."""
    token = server.token("default")
    accessor = server.client(token).auth.token.lookup_self()["data"]["accessor"]
    root = server.client().auth.token
    assert root.lookup_accessor(accessor)["data"]["accessor"] == accessor
    assert root.lookup_accessor(accessor)["data"]["id"] == ""
    root.revoke_accessor(accessor)
    assert server.raw("GET", "auth/token/lookup-self", token=token).status_code == 403


def sign_in(server: Server, role: str, **secret_id_settings):
    """Log in with a role and return hvac's client and the whole answer."""
    root = server.client().auth.approle
    role_id = root.read_role_id(role)["data"]["role_id"]
    secret_id = root.generate_secret_id(role, **secret_id_settings)["data"]["secret_id"]
    client = server.client("")
    return client, client.auth.approle.login(role_id, secret_id)


def test_approle_signs_in(server: Server, approle: Callable[..., str]) -> None:
    """A role id and a secret id make a token with the role's policies and lengths."""
    role = approle(token_policies="b,a", token_ttl="20m", token_max_ttl="1h")
    client, answer = sign_in(server, role, metadata={"site": "hq"})
    auth = answer["auth"]
    assert auth["policies"] == auth["token_policies"] == ["a", "b", "default"]
    assert auth["metadata"] == {"role_name": role, "site": "hq"}
    assert (auth["lease_duration"], auth["renewable"], auth["orphan"]) == (1200, True, True)
    assert auth["entity_id"]
    about = client.auth.token.lookup_self()["data"]
    assert (about["path"], about["display_name"]) == ("auth/approle/login", "approle")
    renewed = client.auth.token.renew_self(increment="2h")
    assert 3590 <= renewed["auth"]["lease_duration"] <= 3600
    assert client.is_authenticated()
    client.logout(revoke_token=True)


@pytest.mark.parametrize("which", ["role", "secret", "both"])
def test_approle_refuses_wrong_credentials(
    server: Server, approle: Callable[..., str], which: str
) -> None:
    """Every wrong pair is refused with one and the same text."""
    role = approle()
    root = server.client().auth.approle
    body = {
        "role_id": root.read_role_id(role)["data"]["role_id"],
        "secret_id": root.generate_secret_id(role)["data"]["secret_id"],
    }
    wrong = {"role": {"role_id": "x"}, "secret": {"secret_id": "x"}}
    body |= wrong.get(which, {"role_id": "x", "secret_id": "x"})
    answer = server.raw("POST", "auth/approle/login", token="", json=body)
    assert (answer.status_code, answer.json()) == (400, {"errors": ["invalid role or secret ID"]})


def test_approle_names_what_is_missing(server: Server, approle: Callable[..., str]) -> None:
    """Missing fields have texts of their own; without a role id the status is 500."""
    role_id = server.client().auth.approle.read_role_id(approle())["data"]["role_id"]
    for body, status, text in (
        ({}, 500, "missing role_id"),
        ({"role_id": role_id}, 400, "missing secret_id"),
    ):
        answer = server.raw("POST", "auth/approle/login", token="", json=body)
        assert (answer.status_code, answer.json()) == (status, {"errors": [text]})


def test_secret_id_is_used_up(server: Server, approle: Callable[..., str]) -> None:
    """A secret id for one use signs in once."""
    role = approle(secret_id_num_uses=1)
    root = server.client().auth.approle
    role_id = root.read_role_id(role)["data"]["role_id"]
    secret_id = root.generate_secret_id(role)["data"]["secret_id"]
    body = {"role_id": role_id, "secret_id": secret_id}
    statuses = [
        server.raw("POST", "auth/approle/login", token="", json=body).status_code for _ in range(2)
    ]
    assert statuses == [200, 400]


def test_secret_ids_keep_to_the_role(server: Server, approle: Callable[..., str]) -> None:
    """A secret id may not be longer or more often usable than its role says."""
    path = f"auth/approle/role/{approle(secret_id_num_uses=3, secret_id_ttl='10m')}/secret-id"
    for body, text in (
        ({"num_uses": 4}, "num_uses cannot be higher than the role's secret_id_num_uses"),
        ({"ttl": "11m"}, "ttl cannot be longer than the role's secret_id_ttl"),
    ):
        answer = server.raw("POST", path, json=body)
        assert (answer.status_code, answer.json()) == (400, {"errors": [text]})
    answer = server.raw("POST", path, json={"num_uses": 2, "ttl": "5m"}).json()["data"]
    assert (answer["secret_id_num_uses"], answer["secret_id_ttl"]) == (2, 300)


def test_secret_ids_are_looked_up_and_destroyed(
    server: Server, approle: Callable[..., str]
) -> None:
    """A secret id can be found by value and accessor, and ends when it is destroyed."""
    role = approle(secret_id_ttl="10m")
    root = server.client().auth.approle
    made = root.generate_secret_id(role, metadata={"a": "b"})["data"]
    by_value = root.read_secret_id(role, made["secret_id"])["data"]
    accessor = made["secret_id_accessor"]
    assert by_value == root.read_secret_id_accessor(role, accessor)["data"]
    assert (by_value["metadata"], by_value["secret_id_ttl"]) == ({"a": "b"}, 600)
    assert root.list_secret_id_accessors(role)["data"]["keys"] == [accessor]
    root.destroy_secret_id(role, made["secret_id"])
    answer = server.raw("LIST", f"auth/approle/role/{role}/secret-id")
    assert answer.status_code == 404
    # Reading what is not there is a POST, hence 204 and not 404.
    assert root.read_secret_id(role, made["secret_id"]).status_code == 204


def test_roles_are_read_as_written(server: Server, approle: Callable[..., str]) -> None:
    """A role shows its settings; names are lower case; an update keeps what it does not name."""
    role = approle(token_policies=["p"], token_ttl="20m", secret_id_num_uses=3)
    server.raw("POST", f"auth/approle/role/{role.upper()}", json={"token_max_ttl": 3600})
    data = server.client().auth.approle.read_role(role)["data"]
    assert data == {
        "bind_secret_id": True, "local_secret_ids": False, "secret_id_bound_cidrs": None,
        "secret_id_num_uses": 3, "secret_id_ttl": 0, "token_bound_cidrs": data["token_bound_cidrs"],
        "token_explicit_max_ttl": 0, "token_max_ttl": 3600, "token_no_default_policy": False,
        "token_num_uses": 0, "token_period": 0, "token_policies": ["p"],
        "token_strictly_bind_ip": False, "token_ttl": 1200, "token_type": "default",
    }  # fmt: skip
    server.client().auth.approle.delete_role(role)
    answer = server.raw("GET", f"auth/approle/role/{role}/role-id")
    assert (answer.status_code, answer.json()) == (404, {"errors": []})
    answer = server.raw("POST", f"auth/approle/role/{role}/secret-id")
    text = f'role "{role}" does not exist'
    assert (answer.status_code, answer.json()) == (404, {"errors": [text]})


def test_auth_methods_are_enabled_and_disabled(server: Server) -> None:
    """A second AppRole has its own path; disabling it ends the tokens that it gave out."""
    client, path = server.client(), fresh("approle")
    client.sys.enable_auth_method("approle", path=path)
    with pytest.raises(hvac.exceptions.InvalidRequest) as refused:
        client.sys.enable_auth_method("approle", path=path)
    assert refused.value.errors == [f"path is already in use at {path}/"]
    client.auth.approle.create_or_update_approle("r", mount_point=path)
    role_id = client.auth.approle.read_role_id("r", mount_point=path)["data"]["role_id"]
    secret_id = client.auth.approle.generate_secret_id("r", mount_point=path)["data"]["secret_id"]
    other = server.client("")
    other.auth.approle.login(role_id, secret_id, mount_point=path)
    assert other.auth.token.lookup_self()["data"]["path"] == f"auth/{path}/login"
    client.sys.disable_auth_method(path)
    assert f"{path}/" not in client.sys.list_auth_methods()["data"]
    assert other.is_authenticated() is False
