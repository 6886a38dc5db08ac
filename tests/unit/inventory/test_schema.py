"""The JSON Schema that editors use is the one of the models."""

from __future__ import annotations

import json

import jsonschema
import pytest
from ruamel.yaml import YAML

from inventory import schema
from tests.unit.inventory.conftest import EXAMPLE


def validator() -> jsonschema.Draft202012Validator:
    """Return a validator of the checked-in schema."""
    loaded = json.loads(schema.FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def test_is_current() -> None:
    """The checked-in schema is what the models say now."""
    assert schema.main(["--check"]) == 0
    assert schema.FILE.read_text() == schema.schema_text()


def test_accepts_the_example() -> None:
    """The example inventory is valid by the schema too."""
    assert list(validator().iter_errors(YAML(typ="safe").load(EXAMPLE.read_text()))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("driver: operator", "driver: robot"),
        ("driver: operator", "driver: operator\n      colour: green"),
        ("rotated_by: vault", "rotated_by: both"),
        ("        directory: branch\n", ""),
        ("version: 1", "version: 2"),
    ],
    ids=["word", "unknown field", "rotated by both", "missing field", "version"],
)
def test_refuses(old: str, new: str) -> None:
    """An editor underlines what the loader would refuse in a field."""
    text = EXAMPLE.read_text()
    assert old in text

    assert not validator().is_valid(YAML(typ="safe").load(text.replace(old, new)))


def test_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an option the schema is printed."""
    assert schema.main([]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Inventory"


def test_notices_an_old_file(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A schema that was not written anew is told, with the command; writing it settles that."""
    monkeypatch.setattr(schema, "FILE", tmp_path / "inventory.schema.json")

    assert schema.main(["--check"]) == 1
    assert "python -m inventory.schema --write" in capsys.readouterr().err
    assert schema.main(["--write"]) == 0
    assert schema.main(["--check"]) == 0
