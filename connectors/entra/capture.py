"""A manifest captured from a tenant that is known to be good: what its app holds, as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterable

from connectors.entra.consent import SIGN_IN_SCOPES
from connectors.entra.granted import NO_SCOPE
from connectors.entra.models import ConsentFacts, EntraApp, GrantedHow, Permission, PermissionKind
from connectors.entra.resources import is_id
from connectors.entra.settings import SYSTEM
from connectors.errors import InvalidInput, NotFound, OutOfStep, Unreachable

_OPERATION = "capture manifest"
_COUNTS = {GrantedHow.APPLICATION, GrantedHow.CONNECTION_ACCOUNT, GrantedHow.ORGANIZATION}


def capture(facts: ConsentFacts, name: str) -> str:
    """Return a manifest of what the app holds for the account, for everybody, or as an application.

    The document says so where something was granted for everybody: the list needs it, for the account
    alone. Raises Unreachable for a partial reading, NotFound without the app or any grant, OutOfStep
    where the app's registration asks for something that is not granted: such a tenant is not good.
    """
    if not facts.complete:
        raise Unreachable(
            SYSTEM,
            _OPERATION,
            unread="; ".join(facts.unread),
            advice="A manifest from a partial reading would lack permissions. Give the verifier "
            "Application.Read.All and Directory.Read.All, then capture again.",
        )
    app, held = facts.app, _held(facts)
    if app is None or not held:
        raise NotFound(
            SYSTEM,
            _OPERATION,
            app=app.display_name if app else None,
            advice="Capture from a tenant where the product works: this one has no such app, or has "
            "granted nothing to it for this account.",
        )
    lacking = [item.value for item in _beyond(facts.declared or (), held)]
    if lacking:
        raise OutOfStep(
            SYSTEM,
            _OPERATION,
            app=app.display_name,
            not_granted=" ".join(lacking),
            advice="The app's registration asks for what is not granted here, so this tenant is not one "
            "to capture from. Accept the permission request in the console, then capture again.",
        )
    return json.dumps(_document(facts, app, held, name), indent=2, ensure_ascii=False) + "\n"


def _document(
    facts: ConsentFacts, app: EntraApp, held: tuple[Permission, ...], name: str
) -> dict[str, object]:
    if not name.strip():
        raise InvalidInput(SYSTEM, _OPERATION, field="name", advice="Give the manifest a name.")
    return {
        "name": name,
        "note": " ".join(_notes(facts, app, held)),
        "app_display_name": app.display_name,
        "permissions": [
            {
                "resource_app_id": item.resource_app_id,
                "resource": item.resource,
                "kind": item.kind.value,
                "value": item.value,
            }
            for item in held
        ],
    }


def _notes(facts: ConsentFacts, app: EntraApp, held: tuple[Permission, ...]) -> Iterable[str]:
    yield f"Captured from the app {app.app_id}; compare it with the console's permission request."
    wide = sorted({g.permission.value for g in facts.grants if g.how is GrantedHow.ORGANIZATION})
    if wide:
        yield f"Granted there for the whole organization: {', '.join(wide)}."
    if facts.declared is None:
        yield "The app's registration is not in that tenant, so it was not compared."
        return
    more = [item.value for item in _beyond(held, facts.declared)]
    if more:
        yield f"Granted there, although the registration does not ask for it: {', '.join(more)}."


def _held(facts: ConsentFacts) -> tuple[Permission, ...]:
    found = {
        grant.permission
        for grant in facts.grants
        # What is not offered any more has only its id left: nobody can grant it anew.
        if grant.how in _COUNTS
        and grant.permission.value != NO_SCOPE
        and not is_id(grant.permission.value)
    }
    return tuple(sorted(found))


def _beyond(these: Iterable[Permission], those: Iterable[Permission]) -> list[Permission]:
    """Return which of these are not among those; what every sign-in adds does not count."""
    known = {(item.resource_app_id, item.kind, item.value.casefold()) for item in those}
    return sorted(
        item
        for item in these
        if (item.resource_app_id, item.kind, item.value.casefold()) not in known
        and not (item.kind is PermissionKind.DELEGATED and item.value.casefold() in SIGN_IN_SCOPES)
        and not is_id(item.value)
    )
