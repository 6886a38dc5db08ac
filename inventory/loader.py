"""Reads the inventory file, and reports every mistake in it at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from inventory.document import Document
from inventory.explain import explain
from inventory.isolation import shared_accounts
from inventory.models import Inventory
from inventory.problems import InventoryProblems, Problem
from inventory.reading import Unreadable, read
from inventory.rules import broken_rules
from inventory.shape import EXTENSIONS

logger = logging.getLogger(__name__)


def load(path: Path | str) -> Inventory:
    """Return the inventory of a YAML file.

    Raises InventoryProblems with every mistake of the file: of YAML, of the fields, and of the rules that
    span them. Where the file is no YAML at all, only that can be told.
    """
    file = str(path)
    logger.debug("inventory: read %s", file)
    inventory, problems = _examine(file)
    if inventory is None or problems:
        raise InventoryProblems(file, tuple(sorted(set(problems), key=_by_place)))
    return inventory


def _by_place(problem: Problem) -> tuple[int, str, str]:
    return problem.line, problem.field, problem.message


def _examine(file: str) -> tuple[Inventory | None, list[Problem]]:
    try:
        document, problems = read(file, Path(file).read_bytes())
    except OSError:
        fix = "Name a file that this user may read, for example with ROTATION_INVENTORY."
        return None, [Problem(file, 1, "", "the file cannot be read", fix)]
    except Unreadable as unreadable:
        return None, list(unreadable.problems)
    problems += unknown_extensions(document)
    inventory, refusals = _validate(document)
    rules = [*broken_rules(document), *shared_accounts(document)]
    # What the models refuse is not judged a second time.
    said = {(problem.line, problem.field) for problem in refusals}
    new = [problem for problem in rules if (problem.line, problem.field) not in said]
    problems += [*refusals, *new]
    if inventory is None and not problems:
        problems.append(document.problem((), "is no inventory", "Compare it with the example."))
    return inventory, problems


def _validate(document: Document) -> tuple[Inventory | None, list[Problem]]:
    try:
        return Inventory.model_validate(document.data), []
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    return None, list(explain(document, errors))


def unknown_extensions(document: Document) -> Iterator[Problem]:
    """Yield connections whose extension is none, and go on with the one they resemble.

    Otherwise nothing else could be told about such a connection.
    """
    for loc in document.connections():
        connection = document.value(loc)
        if not isinstance(connection, dict) or document.text(*loc, "extension") in EXTENSIONS:
            continue
        message = "must be active_directory or microsoft_365"
        if "extension" not in connection:
            message = "is missing"
        yield document.problem(
            (*loc, "extension"), message, "Write active_directory or microsoft_365."
        )
        cloud = {"tenant", "consent", "validation_domain"} & connection.keys()
        connection["extension"] = "microsoft_365" if cloud else "active_directory"
