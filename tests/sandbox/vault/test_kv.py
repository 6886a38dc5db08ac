"""KV version 2, through unmodified hvac and on the wire."""

from __future__ import annotations

import hvac.exceptions
import pytest

from tests.sandbox.vault.conftest import Server, patch, read, write


def test_writes_and_reads_versions(kv, key: str) -> None:
    """Each write makes a version, and each stays readable."""
    assert [write(kv, key, value=n) for n in (1, 2)] == [1, 2]
    assert read(kv, key)["data"] == {"value": 2}
    older = read(kv, key, version=1)
    assert older["data"] == {"value": 1}
    assert older["metadata"] | {"created_time": ""} == {
        "version": 1, "created_time": "", "deletion_time": "", "destroyed": False,
        "custom_metadata": None,
    }  # fmt: skip


def test_keeps_every_json_value(kv, key: str) -> None:
    """Texts, numbers, lists, nulls and markup come back as they went in."""
    content = {
        "text": '<ü & "quoted">',
        "number": 1.5,
        "list": [1, None, {"a": True}],
        "none": None,
    }
    write(kv, key, **content)
    assert read(kv, key)["data"] == content


def test_create_once(kv, key: str) -> None:
    """cas=0 succeeds once and then never again, not even after a deletion."""
    assert write(kv, key, cas=0, value=1) == 1
    kv.delete_latest_version_of_secret(key, mount_point="kv")
    with pytest.raises(hvac.exceptions.InvalidRequest) as refused:
        write(kv, key, cas=0, value=2)
    text = "check-and-set parameter did not match the current version"
    assert refused.value.errors == [text]
    assert write(kv, key, cas=1, value=3) == 2


def test_check_and_set_can_be_required(kv, key: str) -> None:
    """With cas_required a write without cas is refused."""
    kv.update_metadata(key, cas_required=True, mount_point="kv")
    with pytest.raises(hvac.exceptions.InvalidRequest) as refused:
        write(kv, key, value=1)
    assert refused.value.errors == ["check-and-set parameter required for this call"]
    assert write(kv, key, cas=0, value=1) == 1


@pytest.mark.parametrize("cas", ["abc", {"a": 1}, [1]])
def test_refuses_a_cas_that_is_no_number(server: Server, key: str, cas: object) -> None:
    """A cas that cannot be read is refused with its own text."""
    answer = server.raw("POST", f"kv/data/{key}", json={"options": {"cas": cas}, "data": {}})
    assert (answer.status_code, answer.json()) == (
        400,
        {"errors": ["error parsing check-and-set parameter"]},
    )


@pytest.mark.parametrize(
    ("cas", "status"), [("0", 200), (None, 200), (0.0, 400), (-1, 400), (1, 400)]
)
def test_reads_cas_leniently(server: Server, key: str, cas: object, status: int) -> None:
    """Numbers as text and null count as numbers; anything but the current version is refused."""
    answer = server.raw("POST", f"kv/data/{key}", json={"options": {"cas": cas}, "data": {}})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, ["no data provided"]),
        (
            {"data": "text"},
            [
                (
                    "error converting input for field \"data\": '' expected type "
                    "'map[string]interface {}', got unconvertible type 'string'"
                )
            ],
        ),
    ],
)
def test_refuses_a_write_without_data(server: Server, key: str, body, errors) -> None:
    """A write needs a data object."""
    answer = server.raw("POST", f"kv/data/{key}", json=body)
    assert (answer.status_code, answer.json()) == (400, {"errors": errors})


def test_deleted_version_answers_404_with_its_dates(server: Server, kv, key: str) -> None:
    """A deleted version is a 404 that still has a body; hvac hands it out when asked to."""
    write(kv, key, value=1)
    kv.delete_latest_version_of_secret(key, mount_point="kv")
    answer = server.raw("GET", f"kv/data/{key}")
    assert answer.status_code == 404
    assert answer.json()["data"]["data"] is None
    assert answer.json()["data"]["metadata"]["deletion_time"]
    with pytest.raises(hvac.exceptions.InvalidPath):
        read(kv, key)
    assert read(kv, key, raise_on_deleted_version=False)["data"] is None


def test_missing_secret_answers_404_without_anything(server: Server, kv, key: str) -> None:
    """A secret, or a version, that never was is a 404 with an empty list of errors."""
    answer = server.raw("GET", f"kv/data/{key}")
    assert (answer.status_code, answer.json()) == (404, {"errors": []})
    write(kv, key, value=1)
    answer = server.raw("GET", f"kv/data/{key}?version=2")
    assert (answer.status_code, answer.json()) == (404, {"errors": []})


def test_undeletes_but_not_after_destroying(server: Server, kv, key: str) -> None:
    """Deletion can be undone; destruction cannot."""
    write(kv, key, value=1)
    kv.delete_secret_versions(key, [1], mount_point="kv")
    kv.undelete_secret_versions(key, [1], mount_point="kv")
    assert read(kv, key)["data"] == {"value": 1}
    kv.destroy_secret_versions(key, [1], mount_point="kv")
    kv.undelete_secret_versions(key, [1], mount_point="kv")
    answer = server.raw("GET", f"kv/data/{key}")
    assert answer.status_code == 404
    assert answer.json()["data"]["metadata"]["destroyed"] is True
    assert answer.json()["data"]["metadata"]["deletion_time"] == ""


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("delete", "No version number provided"),
        ("undelete", "No version number provided"),
        ("destroy", "no version number provided"),
    ],
)
def test_version_numbers_are_compulsory(server: Server, key: str, action: str, text: str) -> None:
    """Acting on versions needs numbers, and the texts differ by a capital."""
    answer = server.raw("POST", f"kv/{action}/{key}", json={})
    assert (answer.status_code, answer.json()) == (400, {"errors": [text]})


def test_deleting_what_is_not_there_is_success(server: Server, key: str) -> None:
    """Deletions of absent secrets answer 204."""
    assert server.raw("DELETE", f"kv/data/{key}").status_code == 204
    assert server.raw("DELETE", f"kv/metadata/{key}").status_code == 204
    assert server.raw("POST", f"kv/destroy/{key}", json={"versions": [1]}).status_code == 204


def test_patches_data(server: Server, kv, key: str) -> None:
    """A merge patch changes, adds and removes, and makes a version."""
    write(kv, key, keep=1, change=1, drop=1, inner={"a": 1, "b": 2})
    changes = {"change": 2, "drop": None, "inner": {"a": None}}
    answer = patch(server, f"kv/data/{key}", {"options": {"cas": 1}, "data": changes})
    assert (answer.status_code, answer.json()["data"]["version"]) == (200, 2)
    assert read(kv, key)["data"] == {"keep": 1, "change": 2, "inner": {"b": 2}}
    answer = patch(server, f"kv/data/{key}", {"options": {"cas": 1}, "data": changes})
    assert answer.status_code == 400


def test_patch_needs_something_to_patch(server: Server, kv, key: str) -> None:
    """Patching a missing secret is 404 without a body, a deleted one 404 with one."""
    answer = patch(server, f"kv/data/{key}", {"data": {"a": 1}})
    assert (answer.status_code, answer.content) == (404, b"")
    write(kv, key, value=1)
    server.raw("DELETE", f"kv/data/{key}")
    answer = patch(server, f"kv/data/{key}", {"data": {"a": 1}})
    assert (answer.status_code, answer.json()["data"]["version"]) == (404, 1)


def test_patch_needs_its_media_type(server: Server, key: str) -> None:
    """Any other media type is refused with 415."""
    answer = server.raw("PATCH", f"kv/data/{key}", json={"data": {}})
    text = "PATCH requires Content-Type of application/merge-patch+json, provided application/json"
    assert (answer.status_code, answer.json()) == (415, {"errors": [text]})


def test_subkeys_without_values(server: Server, kv, key: str) -> None:
    """Subkeys show the shape and no value."""
    write(kv, key, a=1, b={"c": {"d": 1}, "e": []})
    shape = server.raw("GET", f"kv/subkeys/{key}").json()["data"]["subkeys"]
    assert shape == {"a": None, "b": {"c": {"d": None}, "e": None}}
    shape = server.raw("GET", f"kv/subkeys/{key}?depth=2").json()["data"]["subkeys"]
    assert shape == {"a": None, "b": {"c": None, "e": None}}


@pytest.mark.parametrize(
    ("method", "path", "status", "errors"),
    [
        ("POST", "kv/data/{key}/", 400, ["cannot write to a path ending in '/'"]),
        ("LIST", "kv/data/{key}", 405, ["1 error occurred:\n\t* unsupported operation\n\n"]),
        ("HEAD", "kv/data/{key}", 405, None),
        ("TRACE", "kv/data/{key}", 405, []),
        ("GET", "none/{key}", 404, ['no handler for route "none/{key}". route entry not found.']),
    ],
)
def test_refuses_the_wrong_call(server: Server, key: str, method, path, status, errors) -> None:
    """Wrong methods and paths are refused as the real server does."""
    answer = server.raw(method, path.format(key=key))
    assert answer.status_code == status
    if errors is not None:
        assert answer.json() == {"errors": [text.format(key=key) for text in errors]}


def test_hints_at_the_right_path(server: Server, key: str) -> None:
    """A path without data/ is 404 with a warning."""
    answer = server.raw("GET", f"kv/{key}")
    assert answer.status_code == 404
    assert answer.json()["data"] is None
    assert answer.json()["warnings"][0].startswith(
        "Invalid path for a versioned K/V secrets engine."
    )


def test_answers_in_the_usual_form(server: Server, key: str) -> None:
    """Answers have the full envelope and exactly the media type that hvac looks for."""
    answer = server.raw("PUT", f"kv/data/{key}", json={"data": {}})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(answer.json()) == [
        "request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings",
        "auth",
    ]  # fmt: skip
    assert server.raw("GET", "kv/data/none-such").headers["Content-Type"] == "application/json"
    assert server.raw("DELETE", f"kv/data/{key}").content == b""
