"""The example inventory as the valid file that every test here breaks in its own way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.loader import load
from inventory.problems import InventoryProblems, Problem

EXAMPLE = Path(__file__).parents[3] / "deployments" / "inventory.example.yaml"


@pytest.fixture(scope="session")
def example() -> str:
    """Return the text of the example inventory."""
    return EXAMPLE.read_text()


@pytest.fixture
def mistakes(tmp_path: Path) -> Callable[[str | bytes], tuple[Problem, ...]]:
    """Return a function that loads a text and returns its mistakes; none when it loads."""
    file = tmp_path / "inventory.yaml"

    def load_text(text: str | bytes) -> tuple[Problem, ...]:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            load(file)
        except InventoryProblems as refused:
            assert refused.__context__ is None
            assert refused.problems
            return refused.problems
        return ()

    return load_text


@pytest.fixture
def broken(
    example: str, mistakes: Callable[[str | bytes], tuple[Problem, ...]]
) -> Callable[..., list[tuple[str, str, str, str]]]:
    """Return a function that changes one place of the example and tells the mistakes.

    Each is the text of its line, its field, its message and its fix. ``change`` may change more.
    """

    def break_it(
        old: str, new: str, change: Callable[[str], str] = str
    ) -> list[tuple[str, str, str, str]]:
        assert old in example
        text = change(example.replace(old, new, 1))
        lines = text.splitlines()
        return [(lines[p.line - 1].strip(), p.field, p.message, p.fix) for p in mistakes(text)]

    return break_it
