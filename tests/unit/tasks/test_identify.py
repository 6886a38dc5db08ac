"""P1: which connections, and which version of their secrets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.errors import InvalidInput, NotFound
from tasks import identify
from tests.unit.tasks.conftest import Scene, plain


def test_all_connections_or_some_in_inventory_order(scene: Scene) -> None:
    """None chooses all; names choose theirs, once each, in the order of the inventory."""
    for names, expected in (
        (None, ["hq-ad", "hq-m365"]),
        (["hq-m365", "hq-ad", "hq-m365"], ["hq-ad", "hq-m365"]),
        (["hq-m365"], ["hq-m365"]),
    ):
        _, chosen = identify.choose(scene.inventory, "hq", names)
        assert expected == [item.name for item in chosen]


@pytest.mark.parametrize(
    ("service", "names", "told"),
    [
        ("nowhere", None, "hq"),
        ("hq", ["hq-ad", "x", "y"], "hq-ad, hq-m365"),
        ("hq", [], "Leave connections out"),
    ],
)
def test_a_wrong_choice_is_refused(
    scene: Scene, service: str, names: list[str] | None, told: str
) -> None:
    """Unknown names are refused with those that are known; an empty choice never means all."""
    with pytest.raises(InvalidInput) as caught:
        identify.choose(scene.inventory, service, names)
    assert told in caught.value.what_to_do()


def _pin(scene: Scene, names: list[str] | None, version: int | None) -> list[str]:
    service, chosen = identify.choose(scene.inventory, "hq", names)
    found = plain(identify.connection_locations)(scene.systems, service, chosen, version)
    return [str(item.secret) for item in found]


def test_versions_are_pinned(scene: Scene, new_password: Callable[[], str]) -> None:
    """Without a number the latest version is pinned; with one, that one."""
    scene.vault.write("kv", "hq/ad", "svc@corp.example.com", new_password())
    assert _pin(scene, None, None) == ["kv/hq/ad#2", "kv/hq/m365#1"]
    assert _pin(scene, ["hq-ad"], 1) == ["kv/hq/ad#1"]


@pytest.mark.parametrize("version", [0, 3, 2, None], ids=["zero", "missing", "deleted", "latest"])
def test_versions_that_cannot_be_read(
    scene: Scene, new_password: Callable[[], str], version: int | None
) -> None:
    """A version that is missing, deleted or destroyed is not found; an older one is never taken instead."""
    gone = scene.vault.write("kv", "hq/ad", "svc@corp.example.com", new_password())
    scene.vault.gone.add(gone)
    with pytest.raises(NotFound, match=f"kv/hq/ad#{2 if version is None else version}"):
        _pin(scene, ["hq-ad"], version)


def test_a_number_is_for_one_connection(scene: Scene) -> None:
    """One number over several connections is refused before Vault is asked."""
    with pytest.raises(InvalidInput):
        _pin(scene, None, 1)
    assert scene.vault.calls == []


def test_labels_tell_versions_apart_for_ever(scene: Scene) -> None:
    """The label of a version holds its place, number and time, because numbering may begin again."""
    assert scene.ad.version.label == "kv/hq/ad#1@2026-01-02T00:00:00.000+00:00"
