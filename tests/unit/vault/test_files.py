"""Secret material comes from files that others cannot read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from connectors.errors import InvalidInput
from connectors.vault.files import LARGEST, read_secret_file
from tests.unit.vault.fake_vault import private_file


def test_strips_line_break(tmp_path: Path) -> None:
    """The line break at the end of a file is no part of the secret."""
    value = secrets.token_urlsafe()
    assert value == read_secret_file(private_file(tmp_path / "f", value + "\n"), "V").reveal()


@pytest.mark.parametrize("mode", [0o604, 0o601, 0o620, 0o644, 0o777])
def test_refuses_open_file(tmp_path: Path, mode: int) -> None:
    """A file that others can reach is refused with the command that closes it."""
    path = private_file(tmp_path / "f", secrets.token_urlsafe())
    path.chmod(mode)
    with pytest.raises(InvalidInput) as refused:
        read_secret_file(path, "V")
    assert f"chmod 600 {path}" in refused.value.what_to_do()
    assert refused.value.identifiers["variable"] == "V"


def test_takes_group_readable_file(tmp_path: Path) -> None:
    """A file that the group may read is taken: that is how orchestrators mount secrets."""
    path = private_file(tmp_path / "f", "x")
    path.chmod(0o440)
    assert read_secret_file(path, "V").reveal() == "x"


@pytest.mark.parametrize(
    ("content", "fix"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("one\nqzx", "one line"),
        ("w\u00f6rd", "one line"),
        ("x" * (LARGEST + 1), "one line"),
    ],
    ids=["nothing", "blank", "two lines", "not ascii", "too long"],
)
def test_refuses_content(tmp_path: Path, content: str, fix: str) -> None:
    """Content that cannot be one secret is refused, without being shown."""
    with pytest.raises(InvalidInput) as refused:
        read_secret_file(private_file(tmp_path / "f", content), "V")
    assert fix in refused.value.what_to_do()
    assert "qzx" not in str(refused.value) + refused.value.what_to_do()


def test_refuses_missing_file(tmp_path: Path) -> None:
    """A missing file, a directory, and no file at all are refused with the variable's name."""
    for path in (tmp_path / "none", tmp_path, None):
        with pytest.raises(InvalidInput, match="variable=V") as refused:
            read_secret_file(path, "V")
        assert refused.value.__context__ is None


def test_refuses_pipe(tmp_path: Path) -> None:
    """Something that is no regular file is refused."""
    with pytest.raises(InvalidInput, match="variable=V") as refused:
        read_secret_file(Path(os.devnull), "V")
    assert "regular file" in refused.value.what_to_do()
