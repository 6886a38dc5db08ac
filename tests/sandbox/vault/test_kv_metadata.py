"""Metadata, limits and listings of KV version 2, through unmodified hvac and on the wire."""

from __future__ import annotations

import hvac.exceptions
import pytest

from tests.sandbox.vault.conftest import Server, fresh, patch, read, write
from tests.sandbox.vault.openbao import until


def test_old_versions_fall_off(kv, key: str) -> None:
    """Only max_versions are kept; the default is ten."""
    for value in range(12):
        write(kv, key, value=value)
    about = kv.read_secret_metadata(key, mount_point="kv")["data"]
    assert (about["current_version"], about["oldest_version"]) == (12, 3)
    assert sorted(about["versions"], key=int) == [str(n) for n in range(3, 13)]
    kv.update_metadata(key, max_versions=2, mount_point="kv")
    write(kv, key, value=12)
    about = kv.read_secret_metadata(key, mount_point="kv")["data"]
    assert sorted(about["versions"], key=int) == ["12", "13"]
    assert about["max_versions"] == 2


def test_a_key_cannot_keep_fewer_than_its_mount(server: Server, key: str) -> None:
    """The greater of the two settings counts."""
    mount = fresh("mount")
    server.raw("POST", f"sys/mounts/{mount}", json={"type": "kv", "options": {"version": "2"}})
    settings = {"max_versions": 3}
    # A real server is busy for a moment after mounting.
    until(lambda: server.raw("POST", f"{mount}/config", json=settings).status_code == 204)
    server.raw("POST", f"{mount}/metadata/{key}", json={"max_versions": 1})
    for value in range(5):
        server.raw("POST", f"{mount}/data/{key}", json={"data": {"value": value}})
    about = server.raw("GET", f"{mount}/metadata/{key}").json()["data"]
    assert sorted(about["versions"]) == ["3", "4", "5"]
    assert server.raw("DELETE", f"sys/mounts/{mount}").status_code == 204
    answer = server.raw("GET", f"{mount}/config")
    text = f'no handler for route "{mount}/config". route entry not found.'
    assert (answer.status_code, answer.json()) == (404, {"errors": [text]})


def test_numbering_restarts_after_metadata_is_deleted(kv, key: str) -> None:
    """Version numbers are not unique in time."""
    write(kv, key, value=1)
    write(kv, key, value=2)
    kv.delete_metadata_and_all_versions(key, mount_point="kv")
    with pytest.raises(hvac.exceptions.InvalidPath):
        kv.read_secret_metadata(key, mount_point="kv")
    assert write(kv, key, cas=0, value=3) == 1


def test_custom_metadata(server: Server, kv, key: str) -> None:
    """POST replaces the map, PATCH changes what is sent, and every read shows it."""
    kv.update_metadata(key, custom_metadata={"a": "1", "b": "2"}, mount_point="kv")
    kv.update_metadata(key, custom_metadata={"c": "3"}, mount_point="kv")
    write(kv, key, value=1)
    answer = patch(server, f"kv/metadata/{key}", {"custom_metadata": {"c": None, "d": "4"}})
    assert answer.status_code == 204
    assert read(kv, key)["metadata"]["custom_metadata"] == {"d": "4"}
    answer = patch(server, f"kv/metadata/{key}", {"custom_metadata": {"d": None}})
    assert read(kv, key)["metadata"]["custom_metadata"] is None
    answer = patch(server, f"kv/metadata/{key}-none", {"custom_metadata": {"a": "1"}})
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    ("custom", "text"),
    [
        ({"": "x"}, 'length of key "" is 0 but must be 0 < len(key) <= 128'),
        ({"k": ""}, 'length of value for key "k" is 0 but must be 0 < len(value) <= 512'),
        ({"k": "x" * 513}, 'length of value for key "k" is 513 but must be 0 < len(value) <= 512'),
        ({str(n): "x" for n in range(65)}, "payload must contain at most 64 keys, provided 65"),
    ],
)
def test_custom_metadata_has_limits(server: Server, key: str, custom, text: str) -> None:
    """Keys, values and their number are limited."""
    answer = server.raw("POST", f"kv/metadata/{key}", json={"custom_metadata": custom})
    error = f"1 error occurred:\n\t* custom_metadata validation failed: {text}\n\n"
    assert (answer.status_code, answer.json()) == (400, {"errors": [error]})


def test_hvac_resets_delete_version_after(server: Server, kv, key: str) -> None:
    """The client's update_metadata clears a setting it was not asked about: the trap is really there."""
    server.raw("POST", f"kv/metadata/{key}", json={"delete_version_after": "1h30m"})
    about = kv.read_secret_metadata(key, mount_point="kv")["data"]
    assert about["delete_version_after"] == "1h30m0s"
    kv.update_metadata(key, max_versions=5, mount_point="kv")
    about = kv.read_secret_metadata(key, mount_point="kv")["data"]
    assert about["delete_version_after"] == "0s"


def test_a_live_version_may_have_a_deletion_time(server: Server, kv, key: str) -> None:
    """delete_version_after dates the deletion ahead; the version lives until then."""
    server.raw("POST", f"kv/metadata/{key}", json={"delete_version_after": "1h"})
    write(kv, key, value=1)
    found = read(kv, key)
    assert found["data"] == {"value": 1}
    assert found["metadata"]["deletion_time"] > found["metadata"]["created_time"]


def test_metadata_check_and_set(server: Server, key: str) -> None:
    """Metadata has a version and a check-and-set of its own."""
    settings = {"metadata_cas_required": True, "metadata_cas": 0}
    assert server.raw("POST", f"kv/metadata/{key}", json=settings).status_code == 204
    answer = server.raw("POST", f"kv/metadata/{key}", json={"max_versions": 3})
    text = "metadata check-and-set parameter required for this call"
    assert (answer.status_code, answer.json()) == (400, {"errors": [text]})
    answer = patch(server, f"kv/metadata/{key}", {"max_versions": 3, "metadata_cas": 7})
    text = "metadata check-and-set parameter does not match the current version"
    assert (answer.status_code, answer.json()) == (400, {"errors": [text]})
    answer = patch(server, f"kv/metadata/{key}", {"max_versions": 3, "metadata_cas": 1})
    assert answer.status_code == 204
    about = server.raw("GET", f"kv/metadata/{key}").json()["data"]
    assert (about["current_metadata_version"], about["max_versions"]) == (2, 3)


def test_lists_names_and_folders(server: Server, kv, key: str) -> None:
    """A listing shows one level; both forms of the verb work; an empty one is 404."""
    for name in ("b", "a", "a/deep", "c/deep"):
        write(kv, f"{key}/{name}", value=1)
    wanted = ["a", "a/", "b", "c/"]
    assert kv.list_secrets(key, mount_point="kv")["data"]["keys"] == wanted
    assert server.raw("GET", f"kv/metadata/{key}?list=true").json()["data"]["keys"] == wanted
    answer = server.raw("LIST", f"kv/metadata/{key}/none")
    assert (answer.status_code, answer.json()) == (404, {"errors": []})
