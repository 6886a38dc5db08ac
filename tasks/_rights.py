"""The rights of the Active Directory account: what validation needs, and what the vendor documents."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.active_directory.delegation import remedy, why_missing
from connectors.active_directory.models import Right, RightCheck
from connectors.models import Finding, Presence
from connectors.protocols import Systems
from report.record import current_record
from tasks.identify import Location

Held = tuple[bool, str, Right]
"""A right as both accounts of a connection may have it: documented or needed, where, and which."""


def check_rights(systems: Systems, location: Location) -> str:
    """Write down every right; return the names of those that validation needs and that are missing.

    What is missing is a finding, and nothing stops here: the operations themselves are the proof.
    """
    record = current_record().here()
    directory = systems.directory(location.in_directory.directory)
    bases = managed_bases(systems, location)
    unit = location.in_directory.validation_ou
    checks = directory.rights(location.secret, unit, managed=bases, where=location.where)
    record.rights = checks
    needed = [check for check in checks if not check.managed]
    record.find(*(right_missing(check) for check in needed if missing(check)))
    for check in needed:
        if check.presence is Presence.UNTOLD:
            record.leave_unchecked(untold(check))
    for base in bases:
        _documented(tuple(c for c in checks if c.managed and c.container == base), base)
    return ", ".join(check.right.value for check in needed if missing(check))


def managed_bases(systems: Systems, location: Location) -> tuple[str, ...]:
    """Return where the product manages objects: what the inventory names, or else the whole domain."""
    where = location.in_directory
    return where.managed_ous or (systems.directory(where.directory).base_dn,)


def missing(check: RightCheck) -> bool:
    """Say whether the right is certainly not there."""
    return check.presence is Presence.MISSING


def untold(check: RightCheck) -> str:
    """Say which right could not be told, and why."""
    return f"the right to {check.right.value} in {check.container}: {check.how}"


def right_missing(check: RightCheck, more: str = "") -> Finding:
    """Return the finding for a right that validation needs, with the command that delegates it."""
    return Finding(
        "active-directory.right-missing",
        check.right.value,
        f"The connection account lacks the right to {check.right.value} "
        f"in {check.container}{more} ({why_missing(check)}).",
        f"Run as a domain administrator: {remedy(check)}",
    )


def held(check: RightCheck) -> Held:
    """Return what is compared between two accounts."""
    return check.managed, check.container, check.right


def differ(lacking: Sequence[RightCheck]) -> Finding:
    """Return the finding for documented rights that the account in use has, and the next one has not."""
    names = ", ".join(f"{check.right.value} in {check.container}" for check in lacking)
    return Finding(
        "rotation.rights-differ",
        lacking[0].account,
        f"The account whose turn it is lacks documented rights that the account in use has: {names}. From "
        "now on the product works without them.",
        "\n".join(
            ("Run as a domain administrator; verification looks again:", *_commands(lacking))
        ),
    )


def _documented(checks: tuple[RightCheck, ...], base: str) -> None:
    """Record one finding per base: it may be meant so, and no run waits for it."""
    record = current_record().here()
    lost = [check for check in checks if missing(check)]
    dark = [check for check in checks if check.presence is Presence.UNTOLD]
    if dark:
        names = ", ".join(check.right.value for check in dark)
        record.leave_unchecked(f"documented rights in {base}: {names}: {dark[0].how}")
    if lost:
        record.find(_documented_missing(lost, base))


def _documented_missing(lost: Sequence[RightCheck], base: str) -> Finding:
    names = ", ".join(check.right.value for check in lost)
    how = (
        "Where the product is to do this, run as a domain administrator. Where it manages only parts of "
        "the domain, name them as managed_ous of the connection instead."
    )
    return Finding(
        "active-directory.documented-rights-missing",
        base,
        f"Rights that the vendor documents for the connection account are missing in {base}, or below "
        f"it: {names}. No run waits for them; the product fails at what needs them.",
        "\n".join((how, *_commands(lost))),
    )


def _commands(lost: Sequence[RightCheck]) -> list[str]:
    return [f"{check.right.value}: {remedy(check)}" for check in lost]
