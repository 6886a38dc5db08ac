"""Health, seal, mounts and password policies, through unmodified hvac and on the wire."""

from __future__ import annotations

import hvac.exceptions
import pytest

from tests.sandbox.vault.conftest import Server, fresh


def test_health_needs_no_token(server: Server) -> None:
    """Health answers anybody, flat, with the fields that a load balancer looks at."""
    health = server.client("").sys.read_health_status(method="GET")
    assert set(health) == {
        "initialized", "sealed", "standby", "replication_performance_mode",
        "replication_dr_mode", "server_time_utc", "version", "cluster_name", "cluster_id",
    }  # fmt: skip
    assert (health["initialized"], health["sealed"], health["standby"]) == (True, False, False)
    head = server.client("").sys.read_health_status()
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("query", "status"), [("activecode=299", 299), ("sealedcode=x", 400), ("standbyok=true", 200)]
)
def test_health_codes_can_be_chosen(server: Server, query: str, status: int) -> None:
    """A query overrides the status; nonsense is refused."""
    assert server.raw("GET", f"sys/health?{query}", token="").status_code == status


def test_seal_status_is_flat(server: Server) -> None:
    """Seal status, init and leader answer without an envelope."""
    client = server.client("")
    status = client.sys.read_seal_status()
    assert (status["sealed"], status["initialized"], status["type"]) == (False, True, "shamir")
    assert "data" not in status
    assert client.sys.is_initialized() is True
    assert client.sys.is_sealed() is False
    assert client.sys.read_leader_status()["ha_enabled"] is False
    assert server.raw("POST", "sys/seal-status", token="").status_code == 405


def test_mounts_are_made_and_removed(server: Server) -> None:
    """KV engines are mounted at any path that is free."""
    client, path = server.client(), f"team/{fresh('kv')}"
    client.sys.enable_secrets_engine("kv", path=path, options={"version": "2"})
    mounted = client.sys.list_mounted_secrets_engines()["data"]
    assert {"kv/", "secret/", f"{path}/", "sys/"} <= set(mounted)
    assert (mounted[f"{path}/"]["type"], mounted[f"{path}/"]["options"]) == ("kv", {"version": "2"})
    for taken in (path, f"{path}/below", "team"):
        with pytest.raises(hvac.exceptions.InvalidRequest) as refused:
            client.sys.enable_secrets_engine("kv", path=taken, options={"version": "2"})
        assert refused.value.errors == [f"path is already in use at {path}/"]
    client.sys.disable_secrets_engine(path)
    assert f"{path}/" not in client.sys.list_mounted_secrets_engines()["data"]


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ('path "kv/data/team/*" { capabilities = ["read"] }', 200),
        ('path "+/data/team/*" { capabilities = ["read"] }', 200),
        ('path "kv/data/team/*" { capabilities = ["deny"] }', 403),
        ('path "other/data/*" { capabilities = ["read"] }', 403),
    ],
)
def test_who_may_know_of_a_mount(server: Server, policy: str, status: int) -> None:
    """Whoever may do something below a mount is told its engine and version, as the command line needs it."""
    token = server.token(server.policy(policy))
    for path in ("kv", "kv/team/secret"):
        told = server.raw("GET", f"sys/internal/ui/mounts/{path}", token=token)
        assert told.status_code == status
        if status == 200:
            mount = told.json()["data"]
            assert (mount["path"], mount["type"], mount["options"]) == (
                "kv/",
                "kv",
                {"version": "2"},
            )
        else:
            (said,) = told.json()["errors"]
            assert said.startswith("preflight capability check returned 403")
            assert said.endswith(f'"{path}/"')


def test_nobody_is_told_of_a_mount(server: Server) -> None:
    """Without a token nothing is told, and of what is not mounted nobody is told."""
    for token in ("", "not-a-token"):
        refused = server.raw("GET", "sys/internal/ui/mounts/kv", token=token)
        assert (refused.status_code, refused.json()["errors"]) == (403, ["permission denied"])
    assert server.raw("GET", "sys/internal/ui/mounts/nowhere").status_code == 403
    assert server.raw("POST", "sys/internal/ui/mounts/kv").status_code == 405


@pytest.mark.parametrize("kind", ["mounts", "auth"])
def test_mount_tables_answer_twice(server: Server, kind: str) -> None:
    """The tables stand in data and, for old clients, at the top level as well."""
    answer = server.raw("GET", f"sys/{kind}").json()
    for path, mount in answer["data"].items():
        assert answer[path] == mount


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("sys/mounts/x", {"type": "zz"}, "plugin not found in the catalog: zz"),
        ("sys/mounts/x", {}, "backend type must be specified as a string"),
        ("sys/auth/x", {"type": "zz"}, "plugin not found in the catalog: zz"),
    ],
)
def test_refuses_unknown_engines(server: Server, path: str, body, error: str) -> None:
    """Only engines that exist can be mounted."""
    answer = server.raw("POST", path, json=body)
    assert (answer.status_code, answer.json()) == (400, {"errors": [error]})


def test_generates_passwords(server: Server) -> None:
    """Every password keeps every rule, and no two are alike."""
    name = fresh("password")
    policy = """
    length = 24  # long
    rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" min-chars = 1 }
    rule "charset" {
      charset = "ABCDEF"
      min-chars = 3
    }
    rule "charset" { charset = "0123456789" min-chars = 2 }
    """
    path = f"sys/policies/password/{name}"
    assert server.raw("PUT", path, json={"policy": policy}).status_code == 204
    client = server.client()
    assert client.read(path)["data"]["policy"] == policy
    made = [client.read(f"{path}/generate")["data"]["password"] for _ in range(20)]
    assert len(set(made)) == 20
    for password in made:
        assert len(password) == 24
        assert sum(c in "ABCDEF" for c in password) >= 3
        assert sum(c.isdigit() for c in password) >= 2
        assert any(c.islower() for c in password)
    assert name in client.list("sys/policies/password")["data"]["keys"]
    client.delete(path)
    answer = server.raw("GET", f"{path}/generate")
    text = "1 error occurred:\n\t* policy does not exist\n\n"
    assert (answer.status_code, answer.json()) == (404, {"errors": [text]})


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        ('length=3 rule "charset" {charset="abc"}', "passwords must be between 4 and 100 characters"),
        ('length=101 rule "charset" {charset="abc"}', "passwords must be between 4 and 100 characters"),
        (
            'length=5 rule "charset" {charset="abc" min-chars=9}',
            ("invalid password policy: 1 error occurred:\n\t* specified rules require at least 9 "
            "characters but 5 is specified\n\n"),
        ),
        ("length=5", "invalid password policy: 1 error occurred:\n\t* no charset specified\n\n"),
        (
            'length=5 rule "zz" {charset="abc"}',
            ("invalid password policy: unable to parse rules: unable to parse rule zz: "
            "unrecognized rule type zz"),
        ),
        ("", "missing policy"),
    ],
)  # fmt: skip
def test_refuses_bad_password_policies(server: Server, policy: str, error: str) -> None:
    """A policy that cannot be kept is refused when it is stored."""
    answer = server.raw("PUT", f"sys/policies/password/{fresh('bad')}", json={"policy": policy})
    assert (answer.status_code, answer.json()) == (
        400,
        {"errors": [f"1 error occurred:\n\t* {error}\n\n"]},
    )


def test_generating_needs_read_on_exactly_that_path(server: Server) -> None:
    """A token may generate without being able to read the policy."""
    path = f"sys/policies/password/{fresh('password')}"
    server.raw("PUT", path, json={"policy": 'length=9 rule "charset" {charset="abc"}'})
    token = server.token(
        "default", server.policy(f'path "{path}/generate" {{ capabilities = ["read"] }}')
    )
    assert server.raw("GET", f"{path}/generate", token=token).status_code == 200
    assert server.raw("GET", path, token=token).status_code == 403


def test_namespaces_are_unknown(server: Server) -> None:
    """Any namespace but the root is not found."""
    answer = server.raw("GET", "kv/data/x", headers={"X-Vault-Namespace": "team"})
    assert (answer.status_code, answer.json()) == (404, {"errors": ["namespace not found"]})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("{bad", "failed to decode JSON input: invalid character 'b'"),
        (
            "[]",
            (
                "failed to decode JSON input: json: cannot unmarshal array into Go value of type "
                "map[string]interface {}"
            ),
        ),
    ],
)
def test_refuses_a_body_that_is_no_object(server: Server, key: str, body: str, error: str) -> None:
    """A body must be a JSON object."""
    answer = server.raw("POST", f"kv/data/{key}", content=body)
    assert (answer.status_code, answer.json()) == (400, {"errors": [error]})


def test_paths_are_cleaned_by_a_redirect(server: Server) -> None:
    """Dots and doubled slashes in a path are answered with a redirect to the clean path."""
    answer = server.raw("GET", "kv//data/a")
    assert (answer.status_code, answer.headers["Location"]) == (307, "/v1/kv/data/a")
