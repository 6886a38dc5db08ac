"""A run that has everything a report can tell: a wait, retries, an undo, a gap, a consent that is not complete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.active_directory.models import Right, RightCheck
from connectors.entra.models import (
    ConsentLine,
    ConsentReview,
    ConsentVerdict,
    EntraApp,
    GrantedHow,
    Permission,
    PermissionKind,
)
from connectors.errors import NotPermitted
from connectors.models import Extension, Finding, Presence
from report.document import Document, Plan
from report.documenting import document_of
from report.procedure import BY_NUMBER, steps_of_rotation
from report.record import ConnectionRecord, Entry, Gap, Result, RunRecord, Wait

START = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
WAITED = 15133.0
NAME = "plant-m365"

_STEPS: tuple[tuple[str, Result, float, float], ...] = (
    ("N1", Result.DONE, 0.7, 0.02), ("N2", Result.DONE, 0.2, 0.02), ("N3", Result.DONE, 0.4, 0.02),
    ("N4", Result.DONE, 0.6, 0.02), ("E1", Result.DONE, 0.1, 0.02), ("E2", Result.RETRYING, 0.3, 2.0),
    ("E2", Result.DONE, 0.1, 0.02), ("E3", Result.DONE, 0.2, 0.02), ("E4", Result.DONE, 0.5, 0.02),
    ("E5", Result.ALREADY_SO, 0.1, 0.02), ("E6", Result.DONE, 3.4, 0.02), ("E7", Result.DONE, 0.4, 0.02),
    ("R1", Result.DONE, 0.01, 0.02), ("V5", Result.DONE, 0.9, 0.02), ("V6", Result.DONE, 0.4, 0.02),
    ("V7", Result.FAILED, 0.2, 0.02), ("V5u", Result.DONE, 0.2, 0.0),
)  # fmt: skip
"""Number, result, length, and the pause after it, in seconds."""


def permission(value: str, kind: PermissionKind = PermissionKind.DELEGATED) -> Permission:
    """Return a permission of Microsoft Graph."""
    return Permission("00000003-0000-0000-c000-000000000000", "Microsoft Graph", kind, value)


def review() -> ConsentReview:
    """Return a consent in which each standing occurs."""
    account, everybody = GrantedHow.CONNECTION_ACCOUNT, GrantedHow.ORGANIZATION
    application = PermissionKind.APPLICATION
    lines = (
        ConsentLine(permission("User.ReadWrite.All"), True, (account,)),
        ConsentLine(permission("Directory.AccessAsUser.All"), True, (GrantedHow.ANOTHER_USER,)),
        ConsentLine(permission("Group.ReadWrite.All"), True, (everybody,)),
        ConsentLine(permission("RoleManagement.ReadWrite.Directory"), True, (account, everybody)),
        ConsentLine(permission("Reports.Read.All", application), True, (GrantedHow.APPLICATION,)),
        ConsentLine(permission("Mail.ReadWrite", application), False, (GrantedHow.APPLICATION,)),
        ConsentLine(permission("Sites.FullControl.All"), False, (everybody,)),
    )
    app = EntraApp("11111111-2222-3333-4444-555555555555", "sp", "API Access", enabled=True)
    return ConsentReview(ConsentVerdict.PARTIAL, app, lines, ())


def record() -> RunRecord:
    """Return the run."""
    run = RunRecord("rotate_account_credentials", "run-1", "plant", dry_run=False, started=START)
    steps = steps_of_rotation(Extension.MICROSOFT_365)
    item = ConnectionRecord(NAME, "rotate svc-cayo@plant.example, in_place", steps)
    run.connections.append(item)
    run.entries.append(_entry("P1", Result.DONE, START, 0.05))
    run.waits.append(Wait(START + timedelta(seconds=0.1), WAITED))
    at = START + timedelta(seconds=0.1 + WAITED)
    for number, result, seconds, pause in _STEPS:
        item.entries.append(_entry(number, result, at, seconds))
        at += timedelta(seconds=seconds + pause)
    since = next(entry.started for entry in item.entries if entry.number == "N3")
    item.gap = Gap("svc-cayo@plant.example", 4.32, since=since)
    item.consent = review()
    item.error = NotPermitted("cayosoft", "entra.delete_user", user="rot-1", advice="Give it.")
    advice = "grant it:\nby the portal\naccount-rotation remediate plant-m365"
    item.findings.append(
        Finding("consent.permission-missing", "Directory.AccessAsUser.All", "It lacks.", advice)
    )
    item.unchecked.append("Conditional Access: the verifier may not read policies")
    item.rights = (
        RightCheck(Right.CREATE_USER, Presence.PRESENT, "OU=V,DC=corp", "read"),
        RightCheck(Right.WRITE_ATTRIBUTES, Presence.UNTOLD, "OU=V,DC=corp", "read"),
        RightCheck(Right.CREATE_USER, Presence.MISSING, "DC=corp", "read", managed=True),
    )
    return run


def document() -> Document:
    """Return what is kept of it, with a plan."""
    kept = document_of(record(), START + timedelta(seconds=WAITED + 15))
    plan = Plan(name="0f0f0f", lines=("Grant one.", "Delete the other."))
    (item,) = kept.connections
    return kept.model_copy(update={"connections": (item.model_copy(update={"plan": plan}),)})


def _entry(number: str, result: Result, at: datetime, seconds: float) -> Entry:
    title = BY_NUMBER[number.rstrip("u")].title
    return Entry(number, title, NAME, result, at, seconds, f"seen at {number}")
