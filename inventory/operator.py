"""The rules about a console that only a person reaches."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.document import Document
from inventory.problems import Problem


def operator_rules(document: Document) -> Iterator[Problem]:
    """Yield connections whose operations the product is to run, where nothing of ours can start them."""
    for service in document.each("services"):
        if document.text(*service, "console", "driver") != "operator":
            continue
        for loc in document.each(*service, "connections"):
            asked = document.text(*loc, "validation")
            if asked in ("product", "both"):
                yield document.problem(
                    (*loc, "validation"),
                    f"is {asked}, and only a person reaches this console",
                    "Write validation: account, or leave it out; the account itself is tried then.",
                )
