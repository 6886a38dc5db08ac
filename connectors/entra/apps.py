"""What the tenant has under an app's name before anybody registers it: apps, the recycle bin, resources."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.entra.endpoints import BINNED_APPS, BINNED_PRINCIPALS, READ_RESOURCE
from connectors.entra.grants import find_apps
from connectors.entra.graph import Graph
from connectors.entra.models import AppPresence, BinnedApp, EntraApp
from connectors.entra.shapes import Binned, Resource
from connectors.errors import NotFound, Refused


def app_presence(graph: Graph, display_name: str, resources: Iterable[str]) -> AppPresence:
    """Read the enterprise applications of this name; without one, the recycle bin; and the resources.

    What may not be read is named in ``unread``. Raises Unreachable.
    """
    unread: list[str] = []
    apps: tuple[EntraApp, ...] = ()
    binned: tuple[BinnedApp, ...] = ()
    try:
        apps = find_apps(graph, display_name)
        if not apps:
            binned = _in_the_bin(graph, display_name)
    except Refused as refused:
        unread.append(_why("the apps of this name", refused))
    return AppPresence(apps, binned, _missing(graph, resources, unread), tuple(unread))


def _in_the_bin(graph: Graph, display_name: str) -> tuple[BinnedApp, ...]:
    """Read both bins: an app registration and its enterprise application lie in one each."""
    # NOTE: filtered here; whether the bins take a filter is not documented for every kind.
    found = [
        item
        for endpoint in (BINNED_APPS, BINNED_PRINCIPALS)
        for item in graph.pages(endpoint, Binned)
        if item.name.casefold() == display_name.casefold()
    ]
    # The registration comes first: restoring it is what brings the app back.
    return tuple({item.app_id: item.noun() for item in reversed(found)}.values())


def _missing(graph: Graph, resources: Iterable[str], unread: list[str]) -> tuple[str, ...]:
    missing = []
    for resource in sorted(set(resources)):
        try:
            graph.read(READ_RESOURCE, Resource, app=resource)
        except NotFound:
            missing.append(resource)
        except Refused as refused:
            unread.append(_why(f"the resource {resource}", refused))
    return tuple(missing)


def _why(what: str, refused: Refused) -> str:
    permission = refused.identifiers.get("permission")
    return f"{what}: give the verifier {permission}" if permission else what
