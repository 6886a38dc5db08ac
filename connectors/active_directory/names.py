"""Names: distinguished names compared by value, account names in every form, and nothing unescaped."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ldap3.utils.conv import escape_filter_chars

from connectors.errors import InvalidInput

_LONGEST_SAM_ACCOUNT_NAME = 20
_NOT_IN_SAM_ACCOUNT_NAME = set('"/\\[]:;|=,+*?<>@')

Rdns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AccountName:
    """An account's name, taken apart. Exactly one of ``upn`` and ``sam`` leads the search."""

    text: str
    sam: str | None  # sAMAccountName, also of the implicit form sam@dns.domain
    upn: str | None
    netbios: str | None  # the NetBIOS domain that was asked for


def plain(text: str, field: str) -> str:
    """Return the text; raise InvalidInput when it is empty or holds a NUL or another control character."""
    if not text or not text.isprintable():
        raise InvalidInput(
            "active directory",
            "read name",
            field=field,
            advice=f"Give a {field} of printable characters; this one is empty or holds control characters.",
        )
    return text


def parse_dn(dn: str, field: str = "dn") -> Rdns:
    """Return a DN as (type, value) pairs, innermost first, unescaped and folded for comparison.

    Raises InvalidInput for what is not a plain DN (RFC 4514): the ``<GUID=...>`` forms, quoted values,
    values in hexadecimal and components of several parts are refused too.

    NOTE: ldap3's parser is not used; it refuses names that the directory itself hands out, such as C#.
    """
    plain(dn, field)
    rdns = [_COMPONENT.fullmatch(part) for part in _components(dn)]
    if any(rdn is None for rdn in rdns):
        raise InvalidInput(
            "active directory",
            "read name",
            field=field,
            value=dn,
            advice=f"Write {field} as a distinguished name such as OU=Validation,DC=corp,DC=example.",
        )
    return tuple((rdn[1].lower(), _unescape(rdn[2]).casefold()) for rdn in rdns if rdn)


# A type, then a value of escaped pairs and plain characters: no quote, angle, plus or semicolon, no
# hash in front, no blank at either end.
_COMPONENT = re.compile(
    r' *([A-Za-z][A-Za-z0-9-]*) *= *((?!#)(?:\\.|[^\\"<>+;,=])*(?:\\.|[^\\"<>+;,= ])) *', re.DOTALL
)


def _components(dn: str) -> list[str]:
    """Split at the commas that are not escaped."""
    parts = [""]
    escaped = False
    for character in dn:
        if character == "," and not escaped:
            parts.append("")
            continue
        parts[-1] += character
        escaped = character == "\\" and not escaped
    return parts


def _unescape(value: str) -> str:
    """Undo escaping: backslash and two hexadecimal digits, or backslash and a character."""
    raw = re.sub(
        rb"\\([0-9A-Fa-f]{2}|.)",
        lambda found: bytes.fromhex(found[1].decode()) if len(found[1]) == 2 else found[1],
        value.encode(),
        flags=re.DOTALL,
    )
    return raw.decode(errors="replace")


def same_dn(one: str, other: str) -> bool:
    """Tell whether two DNs name the same object."""
    return parse_dn(one) == parse_dn(other)


def require_within(dn: str, base_dn: str, field: str = "dn") -> str:
    """Return the DN; raise InvalidInput unless it is below (not at) the base."""
    rdns, base = parse_dn(dn, field), parse_dn(base_dn, "base_dn")
    if len(rdns) <= len(base) or rdns[-len(base) :] != base:
        raise InvalidInput(
            "active directory",
            "read name",
            field=field,
            value=dn,
            base_dn=base_dn,
            advice=f"Give a {field} below {base_dn}; nothing outside it is ever touched.",
        )
    return dn


def child_dn(common_name: str, container: str) -> str:
    """Return the DN of an object directly in the container."""
    return f"CN={_escape(plain(common_name, 'username'))},{container}"


def _escape(value: str) -> str:
    """Escape by RFC 4514 2.4. NOTE: ldap3's escape_rdn turns a lone blank into a backslash."""
    escaped = re.sub(r'([\\,+"<>;=])', r"\\\1", value)
    escaped = re.sub(r"^[ #]", lambda found: f"\\{ord(found[0]):02x}", escaped)
    return re.sub(r" $", r"\\20", escaped)


def parent_of(dn: str) -> str:
    """Return the DN of the container that an object is in, as it was written."""
    return ",".join(_components(dn)[1:]).strip(" ")


def domain_of(base_dn: str) -> str:
    """Return the DNS name that the DC components of a base spell, or an empty text."""
    return ".".join(value for kind, value in parse_dn(base_dn, "base_dn") if kind == "dc")


def new_sam_account_name(username: str) -> str:
    """Return the name when Active Directory would take it as sAMAccountName; else raise InvalidInput."""
    plain(username, "username")
    bad = _NOT_IN_SAM_ACCOUNT_NAME & set(username)
    if bad or len(username) > _LONGEST_SAM_ACCOUNT_NAME or username != username.strip(" ."):
        raise InvalidInput(
            "active directory",
            "read name",
            field="username",
            value=username,
            advice='Give at most 20 characters, none of "/\\[]:;|=,+*?<>@, no blank or dot at either end.',
        )
    return username


def account_name(text: str, domain: str) -> AccountName:
    r"""Take apart a UPN, a sAMAccountName or ``DOMAIN\name``; ``domain`` is the DNS name of ours."""
    plain(text, "username")
    if "\\" in text:
        prefix, _, sam = text.partition("\\")
        plain(sam, "username")
        if prefix.casefold() == domain.casefold():
            return AccountName(text, sam, None, None)
        return AccountName(text, sam, None, prefix)
    if "@" in text:
        sam, _, suffix = text.rpartition("@")
        implicit = sam if sam and suffix.casefold() == domain.casefold() else None
        return AccountName(text, implicit, text, None)
    return AccountName(text, text, None, None)


def sign_in_name(text: str, domain: str) -> str:
    r"""Return the form of a name that a simple bind takes.

    A bare sAMAccountName and ``dns.domain\name`` are answered like a wrong password; both become
    ``name@dns.domain``. A UPN and ``NETBIOS\name`` stay as they are; a DN is refused as InvalidInput.
    """
    plain(text, "username")
    if "@" in text:
        return text
    if "=" in text:
        raise InvalidInput(
            "active directory",
            "read name",
            field="username",
            value=text,
            advice="Write the account's username as its userPrincipalName or DOMAIN\\name, not as a DN.",
        )
    name = account_name(text, domain)
    if "\\" in text:
        prefix, _, sam = text.partition("\\")
        return f"{sam}@{prefix}" if "." in prefix else text
    return f"{name.sam}@{domain}"


def user_filter(name: AccountName) -> str:
    """Return the search filter for a user by any of its names."""
    terms = [
        f"({attribute}={escape_filter_chars(value)})"
        for attribute, value in (("sAMAccountName", name.sam), ("userPrincipalName", name.upn))
        if value
    ]
    match = terms[0] if len(terms) == 1 else f"(|{''.join(terms)})"
    return f"(&(objectClass=user){match})"


def prefix_filter(prefix: str) -> str:
    """Return the search filter for users, not computers, whose sAMAccountName starts with the prefix."""
    escaped = escape_filter_chars(plain(prefix, "prefix"))
    return f"(&(objectClass=user)(!(objectClass=computer))(sAMAccountName={escaped}*))"
