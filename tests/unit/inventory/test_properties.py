"""Whatever is done to a valid file: it loads, or every mistake has a line of the file."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from inventory.loader import load
from inventory.models import Driver, Inventory
from inventory.problems import InventoryProblems
from inventory.wiring import bridge_settings, directory_settings, tenant_settings
from tests.unit.inventory.conftest import EXAMPLE

TEXT = EXAMPLE.read_text()
DATA: dict[str, Any] = YAML(typ="safe").load(TEXT)
MODEST = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def places(node: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value below the top."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*way, key)
        if isinstance(value, dict | list):
            yield from places(value, (*way, key))


WAYS = sorted(places(DATA), key=str)
NAMES = sorted({str(way[-1]) for way in WAYS})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from([
        "ldap://x", "https://x", "http://[", "https://[::1", "DC=x", "=", "+", "\\", "a@b", "@", "both",
        "corp", "hq-ad", "vault", "1" * 600, "<GUID=1>", "CN=a+b=c,DC=d", "ldaps://x:99999", "DC=\\",
        "svc@corp.example.com", "active_directory", "microsoft_365", "bridge", "alternate",
    ]),
)  # fmt: skip
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.sampled_from(NAMES), SCALARS, max_size=3),
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """Return the example's data with one to three fields dropped, renamed, doubled or changed."""
    data = copy.deepcopy(DATA)
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(WAYS))
        try:
            holder = data
            for part in way[:-1]:
                holder = holder[part]
            value, last = holder[way[-1]], way[-1]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took it away
        if not isinstance(holder, dict | list):
            continue  # an earlier change put a plain value there
        deed = draw(st.sampled_from(["drop", "rename", "change", "change", "double"]))
        if deed == "drop":
            del holder[last]
        elif deed == "change":
            holder[last] = draw(VALUES)
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(value))
        elif deed == "rename":
            holder[draw(st.one_of(st.sampled_from(NAMES), st.text(max_size=9)))] = holder.pop(last)
    return data


def load_or_mistakes(file: Path) -> None:
    """Load; what loads must fit the connectors, and every mistake must have a line of the file."""
    lines = max(1, len(file.read_text(errors="replace").splitlines()))
    try:
        inventory = load(file)
    except InventoryProblems as refused:
        assert refused.problems
        assert [p for p in refused.problems if not 1 <= p.line <= lines] == []
        assert [p for p in refused.problems if not (p.message and p.fix)] == []
    else:
        assert isinstance(inventory, Inventory)
        fits_the_connectors(inventory)


def fits_the_connectors(inventory: Inventory) -> None:
    """Make every connector's settings; they raise when the loader was too kind."""
    for directory in inventory.directories:
        directory_settings(directory)
    for tenant in inventory.tenants:
        tenant_settings(tenant)
    for service in inventory.services:
        if service.console.driver is Driver.BRIDGE:
            bridge_settings(service)


@MODEST
@given(data=mutated())
def test_any_change_of_a_field(data: Any, tmp_path: Path) -> None:
    """Fields dropped, renamed, doubled or given other values never end in another exception."""
    stream = io.StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump(data, stream)
    file = tmp_path / "inventory.yaml"
    file.write_text(stream.getvalue())

    load_or_mistakes(file)


@MODEST
@given(
    start=st.integers(0, len(TEXT)),
    length=st.integers(0, 40),
    new=st.one_of(st.text(max_size=6), st.sampled_from(["\t", ": ", "- ", "'", "[", "{", "&a ", "*a", "!x ", "\n"])),
)  # fmt: skip
def test_any_change_of_the_text(start: int, length: int, new: str, tmp_path: Path) -> None:
    """Text cut out, typed over or added never ends in another exception."""
    file = tmp_path / "inventory.yaml"
    changed = TEXT[:start] + new + TEXT[start + length :]
    file.write_bytes(changed.encode(errors="surrogatepass"))

    load_or_mistakes(file)


@pytest.mark.parametrize("way", [way for way in WAYS if isinstance(way[-1], str)], ids=str)
def test_every_field_matters(way: tuple[Any, ...], tmp_path: Path) -> None:
    """A field under another name is refused, wherever it is."""
    data = copy.deepcopy(DATA)
    holder = data
    for part in way[:-1]:
        holder = holder[part]
    holder["something_else"] = holder.pop(way[-1])
    file = tmp_path / "inventory.yaml"
    with file.open("w") as stream:
        YAML(typ="safe").dump(data, stream)

    with pytest.raises(InventoryProblems) as refused:
        load(file)

    assert any(p.field.endswith("something_else") for p in refused.value.problems)
