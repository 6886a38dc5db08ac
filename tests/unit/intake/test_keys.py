"""Files of keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.errors import InvalidInput
from intake.keys import SecretLines, WebhookKeys


def _file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.touch()
    path.chmod(mode)
    path.write_text(text)
    return path


def test_reads_every_line(tmp_path: Path, new_key: str, other_key: str) -> None:
    """Each line is a key; comments and empty lines are not."""
    file = _file(tmp_path / "keys", f"# new\n{new_key}\n\n{other_key}\n")
    assert [key.reveal() for key in WebhookKeys(file, "KEYS").lines()] == [new_key, other_key]


def test_rotates_without_a_restart(tmp_path: Path, new_key: str, other_key: str) -> None:
    """A changed file is read again, also when it was replaced by another."""
    keys = WebhookKeys(_file(tmp_path / "keys", new_key), "KEYS")
    assert [key.reveal() for key in keys.lines()] == [new_key]
    _file(tmp_path / "next", f"{other_key}\n{new_key}").rename(tmp_path / "keys")
    assert [key.reveal() for key in keys.lines()] == [other_key, new_key]


def test_a_broken_file_is_not_replaced_by_the_last_good_one(tmp_path: Path, new_key: str) -> None:
    """Keys that cannot be read any more let nobody in: they may have been withdrawn."""
    keys = WebhookKeys(_file(tmp_path / "keys", new_key), "KEYS")
    assert keys.lines()
    (tmp_path / "keys").chmod(0o604)
    with pytest.raises(InvalidInput, match="KEYS"):
        keys.lines()
    (tmp_path / "keys").chmod(0o600)
    assert keys.lines()


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("", 0o600), ("# only a comment", 0o600), ("no-key-at-all-but-long", 0o600),
        ("whsec_c2hvcnQ=", 0o600), ("whsec_" + "A" * 200, 0o600), ("whsec_%%%%", 0o600),
        ("KEY", 0o644), ("KEY", 0o660), ("é" * 30, 0o600),
    ],
)  # fmt: skip
def test_refuses(tmp_path: Path, new_key: str, text: str, mode: int) -> None:
    """A file that others can reach or that holds no key is refused, naming the variable and no content."""
    file = _file(tmp_path / "keys", text.replace("KEY", new_key), mode)
    with pytest.raises(InvalidInput) as refused:
        WebhookKeys(file, "KEYS").lines()
    assert "chmod 600" in refused.value.what_to_do()
    assert not text or new_key not in refused.value.what_to_do()


def test_missing(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(InvalidInput, match="TOKENS"):
        SecretLines(tmp_path / "none", "TOKENS").lines()


def test_short_tokens(tmp_path: Path) -> None:
    """A token that could be guessed is refused."""
    with pytest.raises(InvalidInput):
        SecretLines(_file(tmp_path / "tokens", "short"), "TOKENS").lines()
