"""Loading a consent manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.entra.manifest import BUILT_IN, load_manifest
from connectors.entra.models import PermissionKind
from connectors.errors import InvalidInput

EXAMPLE = "example-not-the-vendors-list"


def _changed(tmp_path: Path, **changes: Any) -> Path:
    content = json.loads((BUILT_IN / f"{EXAMPLE}.json").read_text())
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content | changes))
    return path


def test_example_loads() -> None:
    """The shipped example loads by name, and holds what the vendor documents by name."""
    manifest = load_manifest(EXAMPLE)
    assert manifest.name == EXAMPLE
    values = {p.value for p in manifest.permissions if p.kind is PermissionKind.DELEGATED}
    assert {"openid", "User.Read"} <= values


def test_only_examples_and_parts_are_shipped() -> None:
    """No shipped file can be taken for the vendor's own list, and the folder says so."""
    shipped = {file.stem: load_manifest(file) for file in BUILT_IN.glob("*.json")}
    assert shipped.pop(EXAMPLE).complete
    assert {manifest.app_display_name for manifest in shipped.values()} == {
        "Cayosoft Administrator",
        "Cayosoft Administrator API Access",
    }
    for name, manifest in shipped.items():
        assert name == manifest.name
        assert name.endswith("-documented-part")
        assert not manifest.complete
        assert {item.value for item in manifest.permissions} == {"openid", "User.Read"}
    readme = (BUILT_IN / "README.md").read_text()
    assert "**No file in this folder is the vendor's list.**" in readme
    assert all(name in readme for name in shipped)


def test_the_former_name_is_known() -> None:
    """The manifest of the app for daily work knows what that app was called before 5.4."""
    manifest = load_manifest("cayosoft-administrator-api-access-documented-part")
    assert manifest.former_names == ("CayosoftGraphApiAccessApp",)


@pytest.mark.parametrize("as_text", [True, False])
def test_loads_a_path(tmp_path: Path, as_text: bool) -> None:
    """A site's own file loads by path; resource ids are normalised."""
    entry = {
        "resource_app_id": "00000003-0000-0000-C000-000000000000",
        "resource": "Microsoft Graph",
        "kind": "application",
        "value": "User.Read.All",
    }
    path = _changed(tmp_path, permissions=[entry])
    (permission,) = load_manifest(str(path) if as_text else path).permissions
    assert permission.resource_app_id == "00000003-0000-0000-c000-000000000000"


def test_every_mistake_at_once(tmp_path: Path) -> None:
    """All mistakes are named with their fields, not the first only."""
    bad = {"resource_app_id": "graph", "resource": "", "kind": "both", "value": "A B", "more": 1}
    with pytest.raises(InvalidInput) as refused:
        load_manifest(_changed(tmp_path, permissions=[bad], extra=True, name=""))
    advice = refused.value.what_to_do()
    for field in (
        "permissions[0].resource_app_id",
        "permissions[0].resource",
        "permissions[0].kind",
        "permissions[0].value",
        "permissions[0].more",
        "extra",
        "name",
    ):
        assert f"{field}: " in advice


@pytest.mark.parametrize("content", ["{", "[]", "null", "\ufeff{}"])
def test_not_a_manifest(tmp_path: Path, content: str) -> None:
    """A file that is something else is refused by name."""
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(InvalidInput) as refused:
        load_manifest(path)
    assert str(path) in refused.value.what_to_do()
    assert refused.value.__context__ is None


def test_empty_list_is_refused(tmp_path: Path) -> None:
    """A manifest that needs nothing would be fully granted everywhere."""
    with pytest.raises(InvalidInput):
        load_manifest(_changed(tmp_path, permissions=[]))


def test_listed_twice(tmp_path: Path) -> None:
    """A permission is listed once, whatever its spelling."""
    entries = json.loads((BUILT_IN / f"{EXAMPLE}.json").read_text())["permissions"]
    twice = entries[0] | {"value": entries[0]["value"].upper()}
    with pytest.raises(InvalidInput) as refused:
        load_manifest(_changed(tmp_path, permissions=[*entries, twice]))
    assert "listed twice" in refused.value.what_to_do()


@pytest.mark.parametrize("name", ["unknown", "../README", "nowhere.json"])
def test_unknown_name(name: str) -> None:
    """An unknown name is answered with the names that there are."""
    with pytest.raises(InvalidInput) as refused:
        load_manifest(name)
    assert EXAMPLE in refused.value.what_to_do()
