"""The rules that no single field can keep. They look at the file as it is, also where models refuse it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from itertools import chain
from urllib.parse import urlsplit

from connectors.active_directory.names import domain_of, parse_dn, require_within
from connectors.active_directory.settings import endpoint
from connectors.errors import InvalidInput
from connectors.vault.settings import is_plain_path
from inventory.consent import consent_rules
from inventory.document import Document, Loc, is_plain_name
from inventory.operator import operator_rules
from inventory.problems import Problem
from inventory.rotation import rotation_rules

Rule = Callable[[Document], Iterator[Problem]]


def broken_rules(document: Document) -> Iterator[Problem]:
    """Yield every broken rule of the file, except the isolation of accounts."""
    for rule in _RULES:
        yield from rule(document)


def _names(document: Document) -> Iterator[Problem]:
    for kind in ("directories", "tenants", "services"):
        yield from _twice(document, ((*loc, "name") for loc in document.each(kind)))
    # A connection's name stands alone in run names and artifact keys.
    yield from _twice(document, ((*loc, "name") for loc in document.connections()))


def _sameness(document: Document) -> Iterator[Problem]:
    """One thing under two names would get round every rule that compares names."""
    yield from _twice(document, ((*loc, "domain") for loc in document.each("directories")))
    yield from _twice(document, ((*loc, "tenant_id") for loc in document.each("tenants")))


def _twice(document: Document, locs: Iterable[Loc]) -> Iterator[Problem]:
    first: dict[str, Loc] = {}
    for loc in locs:
        text = document.text(*loc)
        if text is None:
            continue
        if (seen := first.setdefault(text.casefold(), loc)) is not loc:
            message = f"is the same as in line {document.line(seen)}"
            yield document.problem(loc, message, "Give each one its own, or remove one of the two.")


def _rows(document: Document) -> Iterator[Problem]:
    for service in document.each("services"):
        first: dict[tuple[str | None, str], Loc] = {}
        for loc in document.each(*service, "connections"):
            if row := document.text(*loc, "row"):
                key = (document.text(*loc, "extension"), row.casefold())
                if (seen := first.setdefault(key, loc)) is not loc:
                    yield document.problem(
                        (*loc, "row"),
                        f"is the row of {document.field(seen)} too",
                        "Keep one connection for each row of the console.",
                    )


def _references(document: Document) -> Iterator[Problem]:
    known = {
        kind: [name for loc in document.each(kind) if (name := document.text(*loc, "name"))]
        for kind in ("directories", "tenants")
    }
    ways = {
        "active_directory": ("directory", "directories", "tenants"),
        "microsoft_365": ("tenant", "tenants", "directories"),
    }
    for loc in document.connections():
        extension = document.text(*loc, "extension") or ""
        if extension not in ways:
            continue
        field, kind, other = ways[extension]
        name = document.text(*loc, field)
        if name is None or name in known[kind]:
            continue
        shown = name if is_plain_name(name) else "this name"
        if name in known[other]:
            message = f"{shown} is one of the {other}, and this connection is {extension}"
        else:
            message = f"{shown} is none of the {kind}"
        near = get_close_matches(name, known[kind], 1)
        fix = (
            f"Did you mean {near[0]}?" if near else f"Add it to {kind}, or name one that is there."
        )
        yield document.problem((*loc, field), message, fix)


def _secret_places(document: Document) -> Iterator[Problem]:
    for loc in document.lines:
        if loc[-1:] not in (("mount",), ("path",)):
            continue
        text = document.text(*loc)
        if text is None:
            continue
        if not is_plain_path(text):
            message = "holds an empty or dot segment, or a character that cannot be seen"
            yield document.problem(loc, message, "Write it as in: vault kv get -mount=kv apps/hq.")
        elif loc[-1] == "path" and text.startswith("data/"):
            message = "begins with data/, which Vault's API adds by itself"
            yield document.problem(loc, message, "Remove data/ from its beginning.")


def _secrets(document: Document) -> Iterator[Problem]:
    first: dict[tuple[str, str], Loc] = {}
    for loc in document.connections():
        path = document.text(*loc, "secret", "path")
        if path is None:
            continue
        place = (document.text(*loc, "secret", "mount") or "kv", path)
        if (seen := first.setdefault(place, loc)) is not loc:
            yield document.problem(
                (*loc, "secret"),
                f"is the secret of {document.field(seen)} too (line {document.line(seen)})",
                "Give each connection a secret of its own, because each has its own account.",
            )


def _modes(document: Document) -> Iterator[Problem]:
    for loc in document.connections():
        count = sum(1 for _ in document.each(*loc, "accounts"))
        mode = document.text(*loc, "mode") or "in_place"
        if mode == "alternate" and count == 1:
            yield document.problem(
                (*loc, "accounts"),
                "has one account, and mode alternate needs two that take turns",
                "Add the second account, or remove mode.",
            )
        if mode == "in_place" and count == 2:
            yield document.problem(
                (*loc, "accounts"),
                "has two accounts, and mode in_place uses one",
                "Remove one, or write mode: alternate.",
            )


def _usernames(document: Document) -> Iterator[Problem]:
    for connection in document.connections():
        in_entra = document.text(*connection, "extension") == "microsoft_365"
        for loc in document.each(*connection, "accounts"):
            username = document.text(*loc, "username")
            if username is None:
                continue
            local, at, domain = username.rpartition("@")
            if in_entra and not (local and at and domain and "\\" not in username):
                fix = "Write the user's sign-in name, such as svc-cayosoft@contoso.example."
                yield document.problem((*loc, "username"), "is no user principal name", fix)
            if not in_entra and ("=" in username or not username.isprintable()):
                fix = "Write the userPrincipalName, or DOMAIN\\name in single quotes."
                yield document.problem((*loc, "username"), "is no account name", fix)


def _controllers(document: Document) -> Iterator[Problem]:
    for loc in chain.from_iterable(
        document.each(*directory, "controllers") for directory in document.each("directories")
    ):
        url = document.text(*loc)
        if url is None or _accepted(endpoint, url):
            continue
        message = "is no LDAPS address"
        if url.casefold().startswith("ldap:"):
            message = "would send passwords without TLS"
        yield document.problem(loc, message, "Write it as ldaps://host or ldaps://host:port.")


def _containers(document: Document) -> Iterator[Problem]:
    bases: dict[str, str] = {}
    for loc in document.each("directories"):
        base, domain = document.text(*loc, "base_dn"), document.text(*loc, "domain")
        if base is None:
            continue
        if not _accepted(parse_dn, base) or not domain_of(base):
            fix = "Write it as in DC=corp,DC=example."
            yield document.problem((*loc, "base_dn"), "is no base of a domain", fix)
            continue
        if domain and domain_of(base) != domain.casefold():
            message = "is not the base of the domain given beside it"
            yield document.problem((*loc, "base_dn"), message, "Correct base_dn or domain.")
        bases[document.text(*loc, "name") or ""] = base
    for loc in document.connections():
        unit = document.text(*loc, "validation_ou")
        base = bases.get(document.text(*loc, "directory") or "")
        if unit and base and not _accepted(require_within, unit, base):
            fix = f"Write it in full, as in OU=Validation,{base}."
            yield document.problem((*loc, "validation_ou"), "is not below the base_dn", fix)
        for managed in document.each(*loc, "managed_ous"):
            part = document.text(*managed)
            if part and base and not _accepted(require_within, part, base):
                fix = f"Write it in full, as in OU=People,{base}."
                yield document.problem(managed, "is not below the base_dn", fix)


def _addresses(document: Document) -> Iterator[Problem]:
    for loc in document.each("tenants"):
        for field in ("authority", "graph"):
            yield from _https(document, (*loc, field))
        authority = document.text(*loc, "authority")
        path = urlsplit(authority).path.strip("/") if authority and _is_https(authority) else ""
        if path and path.casefold() != (document.text(*loc, "tenant_id") or "").casefold():
            fix = "Write scheme and host only; the tenant is tenant_id."
            yield document.problem((*loc, "authority"), "holds more than scheme and host", fix)
    for loc in document.each("services"):
        yield from _https(document, (*loc, "console", "url"))
        if document.text(*loc, "console", "driver") != "bridge":
            continue
        for field in ("url", "client"):
            if document.value((*loc, "console", field)) is None:
                fix = f"Add {field}, or write driver: operator."
                message = "is missing, and driver bridge needs it"
                yield document.problem((*loc, "console", field), message, fix)


def _https(document: Document, loc: Loc) -> Iterator[Problem]:
    url = document.text(*loc)
    if url is None or _is_https(url):
        return
    message = "is no https address"
    if url.casefold().startswith("http:"):
        message = "would send passwords without TLS"
    yield document.problem(loc, message, "Write it as https://host or https://host:port/path.")


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        bare = not (parts.username or parts.password or parts.query or parts.fragment)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and bare
    except ValueError:
        return False


def _accepted(check: Callable[..., object], *arguments: str) -> bool:
    try:
        check(*arguments)
    except InvalidInput:
        return False
    return True


_RULES: tuple[Rule, ...] = (
    _names, _sameness, _rows, _references, _secret_places, _secrets, _modes, _usernames,
    _controllers, _containers, _addresses, rotation_rules, consent_rules, operator_rules,
)  # fmt: skip
