"""The rules about who changes passwords, and what the orchestrator needs to do it itself."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.document import Document, Loc
from inventory.problems import Problem

_HOMES = {"active_directory": ("directory", "directories"), "microsoft_365": ("tenant", "tenants")}


def rotation_rules(document: Document) -> Iterator[Problem]:
    """Yield what keeps the orchestrator, or Vault, from rotating a connection as the file says."""
    for loc in document.connections():
        if document.text(*loc, "rotated_by") == "orchestrator":
            yield from _needs_policy(document, loc)
            yield from _needs_setter(document, loc)
            yield from _needs_kv(document, loc)
        yield from _static_role(document, loc)
    yield from _own_identities(document)


def _needs_policy(document: Document, loc: Loc) -> Iterator[Problem]:
    if document.value((*loc, "password_policy")) is None:
        fix = (
            "Name the Vault password policy that makes its passwords; write one with: "
            "vault write sys/policies/password/NAME policy=@FILE"
        )
        yield document.problem(
            (*loc, "password_policy"), "is missing, and rotated_by orchestrator needs it", fix
        )


def _needs_setter(document: Document, loc: Loc) -> Iterator[Problem]:
    field, kind = _HOMES.get(document.text(*loc, "extension") or "", ("", ""))
    name = document.text(*loc, field) if field else None
    for home in document.each(kind) if name else ():
        if document.text(*home, "name") == name and document.value((*home, "setter")) is None:
            yield document.problem(
                (*loc, "rotated_by"),
                f"is orchestrator, and {document.field(home)} names no setter",
                f"Add setter to {document.field(home)} (docs/identities.md), or write "
                "rotated_by: vault.",
            )


def _needs_kv(document: Document, loc: Loc) -> Iterator[Problem]:
    if document.text(*loc, "secret", "engine") == "ldap":
        yield document.problem(
            (*loc, "rotated_by"),
            "is orchestrator, and its secret is a static role that Vault rotates",
            "Write rotated_by: vault, or keep the credential in a KV v2 secret.",
        )


def _static_role(document: Document, loc: Loc) -> Iterator[Problem]:
    if document.text(*loc, "secret", "engine") != "ldap":
        return
    if document.text(*loc, "secret", "mount") is None:
        fix = "Add mount: the path at which the LDAP secrets engine is enabled."
        yield document.problem(
            (*loc, "secret", "mount"), "is missing, and engine ldap needs it", fix
        )
    if document.text(*loc, "extension") == "microsoft_365":
        yield document.problem(
            (*loc, "secret", "engine"),
            "is ldap, and the account is one of Entra ID",
            "Keep the credential in a KV v2 secret.",
        )
    if (document.text(*loc, "mode") or "in_place") == "alternate":
        yield document.problem(
            (*loc, "mode"),
            "is alternate, and a static role has one account",
            "Remove mode and the second account.",
        )


def _own_identities(document: Document) -> Iterator[Problem]:
    """An identity of ours that is also rotated would lock itself out half-way."""
    used = {
        place: loc for loc in document.connections() if (place := _place(document, loc, "secret"))
    }
    for kind in ("directories", "tenants"):
        for home in document.each(kind):
            for role in ("reader", "setter", "verifier", "validator", "remediator"):
                inner = ("credential",) if kind == "tenants" else ()
                place = _place(document, home, role, *inner)
                if place in used and place is not None:
                    yield document.problem(
                        (*home, role),
                        f"signs in with the secret of {document.field(used[place])}",
                        "Give the orchestrator's own identity an account and a secret of its own.",
                    )


def _place(document: Document, loc: Loc, *field: str) -> tuple[str, str] | None:
    path = document.text(*loc, *field, "path")
    return (document.text(*loc, *field, "mount") or "kv", path) if path else None
