"""Checks that every system over TLS shares: somebody answers, the certificate is believed, and it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from cli.doctor.model import Check, Kind, Plan, Wrong, check
from cli.doctor.site import CONNECT, Site
from cli.doctor.words import many
from connectors.certificates import Certificate, Doubt, certificate_of, knock
from connectors.errors import Unreachable

ENOUGH_DAYS = 21
"""A certificate that ends sooner is a warning."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a system answers. ``field`` is what names its authority; ``address`` what names the place."""

    host: str
    port: int
    ca_file: Path | None
    field: str
    address: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


NO_DOOR = Door("", 0, None, "", "")
"""For a check that stands for its whole area where the inventory cannot be read."""


def door_of(url: str, ca_file: Path | None, field: str, address: str, port: int = 443) -> Door:
    """Return where a URL leads."""
    parts = urlsplit(url)
    return Door(parts.hostname or "", parts.port or port, ca_file, field, address)


OfDoor: TypeAlias = Kind[[Door]]


@dataclass(frozen=True, slots=True)
class Doors:
    """The three checks of one kind of system."""

    reachable: OfDoor
    trusted: OfDoor
    lasting: OfDoor

    def add(self, plan: Plan, subject: str, door: Door, *needs: Check | None) -> Check:
        """Add the checks of one door; return the one that what lies behind it needs."""
        found = plan.add(self.reachable.on(subject, needs)(door))
        trusted = plan.add(self.trusted.on(subject, [found])(door))
        plan.add(self.lasting.on(subject, [trusted])(door))
        return trusted


def doors(prefix: str, system: str) -> Doors:
    """Enter the three checks of a system into the catalogue."""

    @check(
        f"{prefix}.reachable",
        f"{system} takes a connection",
        fault=f"{system} takes no connection.",
        fix="Look whether it runs, and whether name, port and firewall are right: nc -vz HOST PORT",
    )
    def reachable(_site: Site, door: Door) -> str:
        try:
            return knock(door.host, door.port, system=system, seconds=CONNECT)
        except Unreachable as error:
            cause = error.identifiers.get("cause", "no answer")
        name = system[0].upper() + system[1:]
        raise Wrong(
            f"{name} at {door} takes no connection: {cause}.",
            f"Look whether it runs, and whether {door.address} and the firewall are right: nc -vz {door.host} {door.port}",
        )

    @check(
        f"{prefix}.tls",
        f"the certificate of {system} is trusted, carries its name and is valid today",
        fault=f"The certificate of {system} is not believed.",
        fix="Name the authority that issued it as CA file, or the name that it carries as address; show it with: "
        "openssl s_client -connect HOST:PORT -showcerts",
    )
    def trusted(_site: Site, door: Door) -> str:
        shown = _look(door, system)
        if shown.doubt is not None:
            raise Wrong(
                f"The certificate of {system} at {door} is not believed: {shown.doubt.value}.",
                _remedy(door, shown),
            )
        return (
            f"carries {', '.join(shown.names) or 'no alternative name'}; issued by {shown.issuer}"
        )

    @check(
        f"{prefix}.certificate-days",
        f"the certificate of {system} lasts at least {ENOUGH_DAYS} days",
        fault=f"The certificate of {system} ends soon.",
        fix="Have it renewed.",
        warns=True,
    )
    def lasting(_site: Site, door: Door) -> str:
        shown = _look(door, system)
        days = shown.left(datetime.now(UTC)).days
        ends = f"{shown.not_after:%Y-%m-%d}" if shown.not_after else "unknown"
        if days < ENOUGH_DAYS:
            raise Wrong(
                f"The certificate of {system} at {door} ends in {many(days, 'day')}, on {ends}.",
                f"Renew it on {door.host} before that day; see it with: "
                f"openssl s_client -connect {door} </dev/null | openssl x509 -noout -dates",
            )
        return f"ends on {ends}, in {many(days, 'day')}"

    return Doors(reachable, trusted, lasting)


def _look(door: Door, system: str) -> Certificate:
    return certificate_of(door.host, door.port, door.ca_file, system=system, seconds=CONNECT)


def _remedy(door: Door, shown: Certificate) -> str:
    see = f"see it with: openssl s_client -connect {door} -showcerts"
    match shown.doubt:
        case Doubt.NOT_TRUSTED:
            trusted = (
                f"{door.ca_file}, which {door.field} names,"
                if door.ca_file
                else "the machine's store,"
            )
            return (
                f"Its issuer is not in {trusted} or a certificate between is not sent. Set {door.field} to the PEM file "
                f"of the authority that issued it; {see}"
            )
        case Doubt.WRONG_NAME:
            return (
                f"Write a name that it carries into {door.address}, or have it issued for {door.host} too; see its names "
                f"with: openssl s_client -connect {door} </dev/null | openssl x509 -noout -ext subjectAltName"
            )
        case Doubt.NO_TLS:
            return f"Correct host and port in {door.address}, or switch TLS on there; {see}"
        case _:
            return f"Have it renewed on {door.host}, and look at this machine's date (timedatectl); {see}"
