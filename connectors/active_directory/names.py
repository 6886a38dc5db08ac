"""Names: distinguished names compared by value, account names in every form, and nothing unescaped."""

from __future__ import annotations

from dataclasses import dataclass

from ldap3.core.exceptions import LDAPInvalidDnError
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn
from ldap3.utils.dn import parse_dn as split_dn

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

    Raises InvalidInput for what is not a plain DN; the ``<GUID=...>`` forms are refused too.
    """
    plain(dn, field)
    try:
        parts = split_dn(dn, escape=False, strip=True)
    except (LDAPInvalidDnError, IndexError):
        parts = []
    folded = tuple((kind.lower(), _unescape(value).casefold()) for kind, value, _ in parts)
    if not folded or dn.startswith("<") or any(joint == "+" for _, _, joint in parts):
        raise InvalidInput(
            "active directory",
            "read name",
            field=field,
            value=dn,
            advice=f"Write {field} as a distinguished name such as OU=Validation,DC=corp,DC=example.",
        )
    return folded


def _unescape(value: str) -> str:
    """Undo RFC 4514 escaping: backslash and a character, or backslash and two hexadecimal digits."""
    raw = bytearray()
    position = 0
    while position < len(value):
        character = value[position]
        if character != "\\":
            raw += character.encode()
            position += 1
            continue
        pair = value[position + 1 : position + 3]
        if len(pair) == 2 and all(digit in "0123456789abcdefABCDEF" for digit in pair):
            raw.append(int(pair, 16))
            position += 3
        else:
            raw += value[position + 1 : position + 2].encode()
            position += 2
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
    return f"CN={escape_rdn(plain(common_name, 'username'))},{container}"


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
