"""Checks of our own, which are not of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cli.doctor.model import Check, Kind
from cli.doctor.site import Site


def made(
    id_: str,
    look: Callable[[Site], str],
    *,
    subject: str = "",
    needs: Iterable[Check] = (),
    after: Iterable[Check] = (),
    warns: bool = False,
) -> Check:
    """Return a check that looks as it is told."""
    kind = Kind(id_, f"{id_} is right", f"{id_} cannot be told.", "repair it", warns, look)
    return kind.on(subject, needs, after)()


def fine(_site: Site) -> str:
    """Find nothing wrong."""
    return "fine"
