"""What the shell completes: names of services and connections, read from the inventory without judging it.

Nothing here may be slow, print anything or raise: a person is in the middle of a line.
"""

from __future__ import annotations

from collections.abc import Iterator

import typer

FAULT_KINDS = (
    "unreachable",
    "answer_lost",
    "status",
    "status_after",
    "html",
    "delay",
    "hold_before",
    "hold_after",
)


def services(incomplete: str) -> list[str]:
    """Return the names of services that begin like this."""
    return _matching((service for service, _ in _names()), incomplete)


def connections(incomplete: str) -> list[str]:
    """Return the names of connections, of whichever service, that begin like this."""
    return _matching((name for _, names in _names() for name in names), incomplete)


def connections_of_service(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of connections of the service that is named already, else of all services."""
    chosen = context.params.get("service")
    named = [names for service, names in _names() if chosen in (None, service)]
    return _matching((name for names in named for name in names), incomplete)


def tenants(incomplete: str) -> list[str]:
    """Return the names of tenants that begin like this."""
    from inventory.names import tenant_names  # noqa: PLC0415

    return _matching(iter(tenant_names()), incomplete)


def _names() -> Iterator[tuple[str, tuple[str, ...]]]:
    from inventory.names import names_of_services  # noqa: PLC0415

    yield from names_of_services()


def _matching(names: Iterator[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def stand_ins(incomplete: str) -> list[str]:
    """Return the stand-ins of the running sandbox that begin like this."""
    from cli import sandbox_memory  # noqa: PLC0415
    from connectors.errors import RotationError  # noqa: PLC0415

    try:
        return _matching(iter(sandbox_memory.stand_ins()), incomplete)
    except (RotationError, OSError):
        return []


def fault_kinds(incomplete: str) -> list[str]:
    """Return the kinds of faults that every stand-in over HTTP knows."""
    return _matching(iter(FAULT_KINDS), incomplete)
