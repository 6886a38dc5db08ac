"""The keys of ``account-rotation doctor --json``; ``cli.doctor.show`` writes them."""

from __future__ import annotations

KEYS = {
    "schema": "Version of this form.",
    "healthy": "True: neither a fault nor a warning.",
    "summary": "The last line of the text.",
    "seconds": "How long it took.",
    "counts": "How many checks ended how.",
    "counts.passed": "Nothing is wrong.",
    "counts.warning": "It works today, and should be looked at.",
    "counts.fault": "Something does not work.",
    "counts.not looked at": "Something that it depends on is wrong.",
    "checks": "Every check, in the order of docs/doctor.md.",
    "checks[].id": "Name of the check; never changes its meaning.",
    "checks[].area": "One of the areas.",
    "checks[].subject": "What was looked at, by its name in the inventory.",
    "checks[].title": "What is wanted.",
    "checks[].result": "One of the keys of counts.",
    "checks[].looked_at": "What was seen.",
    "checks[].fault": "What is wrong, or empty.",
    "checks[].fix": "The fix with its command, or empty.",
    "checks[].because": "The check that explains why this one was not made, or empty.",
    "checks[].seconds": "How long it took.",
}
