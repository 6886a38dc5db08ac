"""What an update would do, step by step, told from the record of a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from report.procedure import Step
from report.record import ConnectionRecord, Entry, Result, RunRecord


class Effect(StrEnum):
    """What a step of the update would come to."""

    LOOKS = "looks"
    CHANGES = "changes"
    ALREADY_SO = "already so"
    MAY_CHANGE = "may change"
    IF_NEEDED = "if needed"
    NOTHING = "nothing to do"
    FAILS = "fails"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the update that is planned. ``changes`` names what it would change, empty where it only looks."""

    step: Step
    effect: Effect
    changes: str
    says: str


_ENTERS, _SAVES = ("A4", "E3"), ("A5", "E4")
_SAYS = {
    "A5": "the console would hold the new version from here on",
    "E4": "Validate signs in with the entered credential; then the console would hold the new version",
    "E5": "the app is found, or registered where the tenant has none, signing in with this account",
    "E6": "accepted for this account alone, never for the organization, and only what is not granted yet",
    "R2": "only what the plan of R1 lists, with a person's yes or by the inventory's policy",
    "R3": "after R2",
    "V1": "a test user, with the credential that the console then holds",
    "V2": "of the test user",
    "V3": "of the test user",
    "V4": "nothing is left behind",
    "V5": "a test user, with the credential that the console then holds",
    "V6": "of the test user",
    "V7": "nothing is left behind",
    "V8": "only where an operation is refused; names the missing permission",
    "F2": "one report in Prefect, and the end state in the ledger",
}
_REPAIRS, _TENANT_OPERATIONS = ("R1", "R2", "R3"), ("V5", "V6", "V7")
_ONLY_IF = ("E5", "E6", "R1", "R2", "R3", "V8")
_DRY = "; dry run: nothing entered"


def planned(run: RunRecord, connection: ConnectionRecord) -> tuple[PlannedStep, ...]:
    """Return every step that an update of this connection goes through, in order."""
    entries = {entry.number: entry for entry in (*run.entries, *connection.entries)}
    return tuple(_planned(step, entries, connection) for step in connection.steps)


def changes_of(steps: tuple[PlannedStep, ...], effect: Effect = Effect.CHANGES) -> tuple[str, ...]:
    """Return what the steps of an effect would change, each once, in order."""
    found = [item.changes for item in steps if item.effect is effect]
    return tuple(dict.fromkeys(found))


def _planned(step: Step, entries: Mapping[str, Entry], connection: ConnectionRecord) -> PlannedStep:
    entry = entries.get(step.number)
    if entry is not None and step.number != "F2":
        return _seen(step, entry, connection.name)
    effect, says = _foreseen(step, entries, connection)
    return PlannedStep(step, effect, step.changes if effect in _MAY_CHANGE else "", says)


_MAY_CHANGE = (Effect.CHANGES, Effect.MAY_CHANGE)


def _seen(step: Step, entry: Entry, connection: str) -> PlannedStep:
    """Tell of a step that the dry run carried out."""
    if entry.result is Result.FAILED or entry.result is Result.RETRYING:
        return PlannedStep(step, Effect.FAILS, "", entry.evidence)
    if entry.result is Result.ALREADY_SO:
        return PlannedStep(step, Effect.ALREADY_SO, "", entry.evidence)
    if step.number in _ENTERS:
        says = f"{entry.evidence.removesuffix(_DRY)}; it would be entered in a draft"
        return PlannedStep(step, Effect.CHANGES, step.changes, says)
    return PlannedStep(step, Effect.LOOKS, "", _about(entry.evidence, connection))


def _about(evidence: str, connection: str) -> str:
    """Return the part of a shared step's evidence that is about one connection."""
    parts = [part for part in evidence.split("; ") if part.startswith(f"{connection}: ")]
    return parts[0].removeprefix(f"{connection}: ") if len(parts) == 1 else evidence


def _foreseen(
    step: Step, entries: Mapping[str, Entry], connection: ConnectionRecord
) -> tuple[Effect, str]:
    """Tell of a step that a dry run leaves out."""
    number, says = step.number, _SAYS.get(step.number, "")
    consent = connection.consent
    held = any(entries[n].result is Result.ALREADY_SO for n in _ENTERS if n in entries)
    effect = Effect.CHANGES if step.changes else Effect.LOOKS
    if connection.error is not None and number != "F2":
        effect, says = Effect.NOT_REACHED, "a step before it fails"
    elif number in _SAVES and held:
        effect, says = Effect.ALREADY_SO, "the row holds this version: nothing to save"
    elif number in _REPAIRS and consent is not None and consent.ready:
        effect, says = Effect.NOTHING, "the consent is as it must be"
    elif number in _TENANT_OPERATIONS and consent is not None and not consent.ready:
        effect, says = Effect.MAY_CHANGE, f"{says}, if the consent is complete by then"
    elif number in _ONLY_IF:
        effect = Effect.MAY_CHANGE if step.changes else Effect.IF_NEEDED
    return effect, says
