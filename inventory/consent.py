"""The rule about who may grant what the product's app lacks."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.document import Document
from inventory.problems import Problem


def consent_rules(document: Document) -> Iterator[Problem]:
    """Yield connections whose consent is to be granted without a person, in a tenant where nobody may."""
    tenants = {document.text(*home, "name"): home for home in document.each("tenants")}
    for loc in document.connections():
        home = tenants.get(document.text(*loc, "tenant"))
        if home is None or document.text(*loc, "consent", "policy") != "auto":
            continue
        if document.value((*home, "remediator")) is None:
            yield document.problem(
                (*loc, "consent", "policy"),
                f"is auto, and {document.field(home)} names no remediator",
                f"Add remediator to {document.field(home)} (docs/consent.md), or write policy: ask.",
            )
