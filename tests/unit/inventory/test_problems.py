"""The refusal of an inventory says everything in its message, and travels like every typed error."""

from __future__ import annotations

import pickle

from connectors.errors import InvalidInput, Refused
from inventory.problems import InventoryProblems, Problem

FIRST = Problem("inventory.yaml", 3, "services[hq].name", "is missing", "Add name.")
SECOND = Problem("inventory.yaml", 9, "", "a tab in the indentation", "Indent with blanks.")


def test_reads_as_a_list() -> None:
    """The message has one line per mistake, with file, line, field, message and fix."""
    assert str(InventoryProblems("inventory.yaml", (FIRST, SECOND))) == (
        "inventory.yaml:3: services[hq].name: is missing. Fix: Add name.\n"
        "inventory.yaml:9: a tab in the indentation. Fix: Indent with blanks."
    )


def test_advises() -> None:
    """The advice counts the mistakes and names the command that checks again."""
    advice = InventoryProblems("inventory.yaml", (FIRST, SECOND)).what_to_do()

    assert "2 mistakes" in advice
    assert "account-rotation inventory check inventory.yaml" in advice


def test_travels() -> None:
    """Pickled and sealed copies keep the mistakes and the message."""
    error = InventoryProblems("inventory.yaml", (FIRST, SECOND))

    for copy in (pickle.loads(pickle.dumps(error)), error.sealed()):
        assert isinstance(copy, InventoryProblems)
        assert copy.problems == (FIRST, SECOND)
        assert str(copy) == str(error)
        assert copy.what_to_do() == error.what_to_do()


def test_is_refused_input() -> None:
    """It belongs to the errors that are never retried."""
    error = InventoryProblems("inventory.yaml", (FIRST,))

    assert isinstance(error, InvalidInput)
    assert isinstance(error, Refused)
    assert error.identifiers == {"file": "inventory.yaml", "mistakes": "1"}
