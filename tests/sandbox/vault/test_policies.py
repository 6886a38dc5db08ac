"""ACL policies: which rule counts, and what it allows."""

from __future__ import annotations

import pytest

from tests.sandbox.vault.conftest import Server, fresh, patch

DENIED = {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}


def rules(**paths: str) -> str:
    """Write a policy from paths and comma-separated capabilities."""
    return "\n".join(
        f'path "{path}" {{ capabilities = [{", ".join(f"{chr(34)}{c}{chr(34)}" for c in caps.split(","))}] }}'
        for path, caps in paths.items()
    )


@pytest.mark.parametrize(
    ("policy", "path", "granted"),
    [
        ({"a/*": "read"}, "a/b/c", ["read"]),
        ({"a/*": "read"}, "a", ["deny"]),
        ({"a*": "read"}, "ab", ["read"]),
        ({"a/b": "read"}, "a/b/c", ["deny"]),
        ({"a/*": "read", "a/b": "update"}, "a/b", ["update"]),
        ({"a/*": "read", "a/b*": "update"}, "a/bc", ["update"]),
        ({"a/*": "read", "a/b/*": "deny"}, "a/b/c", ["deny"]),
        ({"a/*": "deny", "a/b": "read"}, "a/b", ["read"]),
        ({"a/+/c": "read"}, "a/b/c", ["read"]),
        ({"a/+/c": "read"}, "a/b/b/c", ["deny"]),
        ({"a/+": "read"}, "a/b", ["read"]),
        ({"+/b": "read"}, "a/b", ["read"]),
        ({"a/+/c": "read", "a/*": "update"}, "a/b/c", ["read"]),
        ({"a/+/c": "read", "a/b/*": "update"}, "a/b/c", ["update"]),
        ({"a/+/c": "read", "a/+/*": "update"}, "a/b/c", ["read"]),
        ({"a/+/+": "read", "a/+/c": "update"}, "a/b/c", ["update"]),
        ({"a/+/c*": "read", "a/+/cd*": "update"}, "a/b/cde", ["update"]),
        ({"a/+/c/*": "read"}, "a/b/c/d/e", ["read"]),
        ({"*": "read"}, "anything/at/all", ["read"]),
        ({"a/": "list"}, "a/", ["list"]),
        ({"a": "list"}, "a/", ["list"]),
        ({"/a": "read"}, "a", ["read"]),
        ({"a": "create,read,update,delete,list,patch,sudo"}, "a",
         ["create", "delete", "list", "patch", "read", "sudo", "update"]),
    ],
)  # fmt: skip
def test_the_most_specific_rule_counts(server: Server, policy, path, granted) -> None:
    """Exact beats glob, later wildcards beat earlier ones, longer beats shorter."""
    token = server.token("default", server.policy(rules(**policy)))
    client = server.client(token)
    told = client.sys.get_capabilities([path])["data"]
    assert told == {path: granted, "capabilities": granted}


def test_policies_add_up_and_deny_wins(server: Server) -> None:
    """Two policies on one path grant the union, unless one of them denies."""
    names = [
        server.policy(rules(**{"a/x": capabilities, "a/y": other}))
        for capabilities, other in (("read", "read"), ("list", "deny"))
    ]
    body = {"paths": ["a/x", "a/y"]}
    token = server.token(*names, "default")
    told = server.raw("POST", "sys/capabilities-self", token=token, json=body).json()["data"]
    assert told == {"a/x": ["list", "read"], "a/y": ["deny"]}


def test_root_is_told_apart(server: Server) -> None:
    """The root token has the capability root everywhere."""
    told = server.client().sys.get_capabilities(["any/path"])["data"]
    assert told["capabilities"] == ["root"]


def test_create_and_update_are_two_rights(server: Server, key: str) -> None:
    """Whether a write creates or updates depends on whether the key exists."""
    path = f"kv/data/{key}"
    creator = server.token("default", server.policy(rules(**{path: "create"})))
    updater = server.token("default", server.policy(rules(**{path: "update"})))
    body = {"data": {"a": 1}}
    assert server.raw("POST", path, token=updater, json=body).json() == DENIED
    assert server.raw("POST", path, token=creator, json=body).status_code == 200
    assert server.raw("POST", path, token=creator, json=body).json() == DENIED
    assert server.raw("POST", path, token=updater, json=body).status_code == 200
    # A key whose versions are all deleted still exists.
    server.raw("DELETE", path)
    assert server.raw("POST", path, token=creator, json=body).status_code == 403


def test_each_verb_has_its_capability(server: Server, key: str) -> None:
    """Reading, listing, patching and deleting are separate rights."""
    server.raw("POST", f"kv/data/{key}", json={"data": {"a": 1}})
    calls = {
        "read": lambda s: s.raw("GET", f"kv/data/{key}"),
        "patch": lambda s: patch(s, f"kv/data/{key}", {"data": {"b": 1}}),
        "list": lambda s: s.raw("LIST", "kv/metadata/tests"),
        "update": lambda s: s.raw("POST", f"kv/delete/{key}", json={"versions": [9]}),
        "delete": lambda s: s.raw("DELETE", f"kv/data/{key}"),
    }
    for granted in calls:
        token = server.token("default", server.policy(rules(**{"kv/*": granted})))
        limited = server.seen_by(token)
        allowed = {name for name, call in calls.items() if call(limited).status_code != 403}
        assert allowed == {granted}
        server.raw("POST", f"kv/undelete/{key}", json={"versions": [1, 2]})


def test_refusal_hides_existence(server: Server, key: str) -> None:
    """Without the right, present and absent look alike; so do paths where nothing is mounted."""
    server.raw("POST", f"kv/data/{key}", json={"data": {}})
    token = server.token("default")
    for path in (f"kv/data/{key}", f"kv/data/{key}-none", "none/such"):
        answer = server.raw("GET", path, token=token)
        assert (answer.status_code, answer.json()) == (403, DENIED)


def test_enabling_auth_methods_needs_sudo(server: Server) -> None:
    """Update alone is not enough on protected paths."""
    path = f"sys/auth/{fresh('approle')}"
    body = {"type": "approle"}
    plain = server.token("default", server.policy(rules(**{path: "create,update"})))
    mighty = server.token("default", server.policy(rules(**{path: "create,update,sudo"})))
    assert server.raw("POST", path, token=plain, json=body).status_code == 403
    assert server.raw("POST", path, token=mighty, json=body).status_code == 204
    server.raw("DELETE", path)


def test_policies_change_at_once(server: Server, key: str) -> None:
    """A changed policy holds for tokens that exist already."""
    name = server.policy(rules(**{"kv/data/*": "read"}))
    token = server.token("default", name)
    assert server.raw("GET", f"kv/data/{key}", token=token).status_code == 404
    server.client().sys.create_or_update_policy(name, rules(**{"kv/data/*": "deny"}))
    assert server.raw("GET", f"kv/data/{key}", token=token).status_code == 403
    server.client().sys.delete_policy(name)
    assert server.raw("GET", f"kv/data/{key}", token=token).status_code == 403


def test_policies_are_read_as_written(server: Server) -> None:
    """A policy is kept as text, under a lower-case name, and listed."""
    text = '# why\npath "a/*" {\n  capabilities = ["read", "list",] // all\n}\n/* end */\n'
    name, client = fresh("Policy"), server.client()
    answer = server.raw("PUT", f"sys/policies/acl/{name}", json={"policy": text})
    assert answer.json()["warnings"] == [f"policy name was converted to {name.lower()}"]
    assert client.sys.read_policy(name.lower())["data"]["rules"] == text
    assert client.sys.read_acl_policy(name.lower())["data"]["policy"] == text
    assert {name.lower(), "default", "root"} <= set(client.sys.list_policies()["data"]["policies"])
    assert server.raw("GET", "sys/policies/acl/none-such").status_code == 404


def test_policies_may_be_json(server: Server) -> None:
    """The JSON form means the same; hvac sends a dict in it."""
    name = fresh("policy")
    policy = {"path": {"a/*": {"capabilities": ["read"]}, "a/b": {"capabilities": ["list"]}}}
    server.client().sys.create_or_update_policy(name, policy)
    client = server.client(server.token("default", name))
    assert client.sys.get_capabilities(["a/c", "a/b"])["data"] == {"a/c": ["read"], "a/b": ["list"]}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('path "x" { capabilities = ["zz"] }', 'failed to parse policy: path "x": invalid capability "zz"'),
        (
            'path "x" { zz = 1 }',
            'failed to parse policy: 1 error occurred:\n\t* path "x": invalid key "zz" on line 1\n\n',
        ),
        (
            'path "x/+*" { capabilities = ["read"] }',
            "failed to parse policy: path \"x/+*\": invalid use of wildcards ('+*' is forbidden)",
        ),
        ("", "'policy' parameter not supplied or empty"),
    ],
)  # fmt: skip
def test_refuses_bad_policies(server: Server, text: str, error: str) -> None:
    """A policy with a mistake is refused and says where."""
    answer = server.raw("PUT", f"sys/policies/acl/{fresh('bad')}", json={"policy": text})
    assert (answer.status_code, answer.json()) == (400, {"errors": [error]})


@pytest.mark.parametrize(
    "text", ['path "x', "path x y z", 'path "x" { capabilities = "read', "[1]"]
)
def test_refuses_what_cannot_be_parsed(server: Server, text: str) -> None:
    """Broken text is refused; its wording is nobody's to rely on."""
    answer = server.raw("PUT", f"sys/policies/acl/{fresh('bad')}", json={"policy": text})
    assert answer.status_code == 400
    assert answer.json()["errors"][0].startswith("failed to parse policy: ")


@pytest.mark.parametrize(
    ("method", "name", "error"),
    [
        ("PUT", "root", 'cannot update "root" policy'),
        ("DELETE", "root", 'cannot delete "root" policy'),
        ("DELETE", "default", "cannot delete default policy"),
    ],
)
def test_protects_the_built_in_policies(server: Server, method, name, error) -> None:
    """Root is fixed and default cannot go."""
    body = {"policy": 'path "x" { capabilities = ["read"] }'}
    answer = server.raw(method, f"sys/policies/acl/{name}", json=body)
    assert (answer.status_code, answer.json()) == (400, {"errors": [error]})
