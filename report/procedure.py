"""The procedure: every step's number, title and nature, in order. The only numbering there is.

``docs/procedure.md``, the flow bodies, Prefect's run list and the report all follow this table, and a law
test holds them together. Steps from the vendor's article "Update account credentials in Cayosoft
Administrator" are marked ARTICLE; each of them is one retryable task.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from connectors.models import Extension


class Source(StrEnum):
    """Where a step comes from."""

    ARTICLE = "article"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step. ``changes`` is empty for steps that only look."""

    number: str
    title: str
    source: Source
    changes: str
    lost_answer: str

    @property
    def label(self) -> str:
        """The name that Prefect's run list shows."""
        return f"{self.number} {self.title}"


def _article(number: str, title: str, changes: str, lost_answer: str) -> Step:
    return Step(number, title, Source.ARTICLE, changes, lost_answer)


def _ours(number: str, title: str, changes: str, lost_answer: str) -> Step:
    return Step(number, title, Source.OURS, changes, lost_answer)


STEPS: tuple[Step, ...] = (
    _article("P1", "identify the connection locations", "", "repeat"),
    _ours("N1", "preflight", "", "repeat"),
    _ours("N2", "stage the new password", "Vault", "read back"),
    _ours(
        "N3", "set the new password", "directory", "look when it was last set, then sign in once"
    ),
    _ours("N4", "sign in with the new password", "", "repeat within the budget"),
    _ours("A0", "guide a person through the Active Directory extension", "", "repeat"),
    _article("A1", "sign in to the console", "console session", "repeat"),
    _article("A2", "open the Active Directory extension", "", "repeat"),
    _article("A3", "locate the connection and its default credentials", "", "repeat"),
    _article("A4", "update the account and password", "edit draft", "the draft expires"),
    _article("A5", "save", "console", "re-read the row"),
    _article("A6", "check settings", "", "repeat"),
    _ours("E0", "guide a person through the Microsoft 365 extension", "", "repeat"),
    _article("E1", "sign in to the console", "console session", "repeat"),
    _article("E2", "open the Microsoft 365 extension", "", "repeat"),
    _article("E3", "update the account and password", "edit draft", "the draft expires"),
    _article("E4", "validate and accept", "console", "re-read the row"),
    _article("E5", "find or register the app", "Entra app", "search before registering again"),
    _article("E6", "accept the permission request", "consent", "re-read the grants"),
    _article("E7", "review the consent status", "", "repeat"),
    _article("R1", "say what is missing", "", "repeat"),
    _article("R2", "grant what is missing", "consent", "re-read the grants"),
    _article("R3", "review the consent status again", "", "repeat"),
    _article("V1", "create a user in Active Directory", "validation OU", "clean up by run id"),
    _article("V2", "reset the user's password", "validation OU", "clean up by run id"),
    _article("V3", "change an attribute of the user", "validation OU", "clean up by run id"),
    _article("V4", "delete the user", "validation OU", "clean up by run id"),
    _article("V5", "provision a user in Entra ID", "tenant", "clean up by run id"),
    _article("V6", "update an attribute of the user", "tenant", "clean up by run id"),
    _article("V7", "delete the provisioned user", "tenant", "clean up by run id"),
    _article("V8", "double-check the permissions", "", "repeat"),
    _ours("F1", "promote the new password", "Vault", "read back"),
    _ours("F3", "retire the previous account's password", "directory", "look when it was last set"),
    # Last, so that the report tells of all the others.
    _ours("F2", "record the evidence", "Prefect", "repeat"),
)

BY_NUMBER: dict[str, Step] = {step.number: step for step in STEPS}


UPDATE: dict[Extension, tuple[str, ...]] = {
    Extension.ACTIVE_DIRECTORY: (
        "P1", "A0", "A1", "A2", "A3", "A4", "A5", "A6", "V1", "V2", "V3", "V4", "V8", "F2",
    ),
    Extension.MICROSOFT_365: (
        "P1", "E0", "E1", "E2", "E3", "E4", "E5", "E6", "E7", "R1", "R2", "R3",
        "V5", "V6", "V7", "V8", "F2",
    ),
}  # fmt: skip
"""The steps of an update, per extension, in order."""

IN_PERSON = frozenset({"A0", "E0"})
"""The steps that there are only where a person carries the console's steps out."""


NEW_PASSWORD = ("N1", "N2", "N3", "N4")
"""The steps of a rotation between P1 and the update."""


def steps_of_update(
    extension: Extension, *, vault_rotates: bool = False, in_person: bool = False
) -> tuple[Step, ...]:
    """Return the steps of an update of one connection; N3 among them where Vault sets the password first."""
    first, *others = UPDATE[extension]
    return _steps((first, *(["N3"] if vault_rotates else []), *others), in_person=in_person)


def steps_of_rotation(extension: Extension, *, in_person: bool = False) -> tuple[Step, ...]:
    """Return the steps that a rotation of one connection of this extension goes through."""
    first, *others, last = UPDATE[extension]
    return _steps((first, *NEW_PASSWORD, *others, "F1", "F3", last), in_person=in_person)


def _steps(numbers: Iterable[str], *, in_person: bool) -> tuple[Step, ...]:
    return tuple(BY_NUMBER[n] for n in numbers if in_person or n not in IN_PERSON)


def steps_of_remediation() -> tuple[Step, ...]:
    """Return the steps of putting a consent right, and of going on with the update where it had stopped."""
    numbers = ("P1", "E7", "R1", "R2", "R3", "V5", "V6", "V7", "V8", "F2")
    return tuple(BY_NUMBER[number] for number in numbers)
