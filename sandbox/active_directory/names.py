"""Distinguished names: reading, writing, comparing (RFC 4514; Active Directory ignores case)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from sandbox.active_directory.results import INVALID_DN_SYNTAX, Refusal

Rdn = tuple[str, str]  # type as written, value unescaped
Key = tuple[Rdn, ...]
_HEX = re.compile(rb"[0-9a-fA-F]{2}")


@dataclass(frozen=True)
class Dn:
    """One distinguished name, own part first."""

    rdns: tuple[Rdn, ...]

    @cached_property
    def key(self) -> Key:
        """What two spellings of one name have in common."""
        return tuple(
            (kind.lower(), " ".join(value.casefold().split())) for kind, value in self.rdns
        )

    @property
    def rdn(self) -> Rdn:
        """The name's own part."""
        return self.rdns[0]

    @property
    def parent(self) -> Dn:
        """The name of the entry above."""
        return Dn(self.rdns[1:])

    def child(self, kind: str, value: str) -> Dn:
        """Return the name of an entry below."""
        return Dn(((kind, value), *self.rdns))

    def is_under(self, other: Dn) -> bool:
        """Whether this is ``other`` or below it."""
        return len(self.key) >= len(other.key) and self.key[len(self.key) - len(other.key) :] == (
            other.key
        )

    def moved(self, old: Dn, new: Dn) -> Dn:
        """Return this name after ``old``, which it is under, has become ``new``."""
        return Dn(self.rdns[: len(self.rdns) - len(old.rdns)] + new.rdns)

    def __str__(self) -> str:
        return ",".join(f"{kind}={_escape(value)}" for kind, value in self.rdns)


def _escape(value: str) -> str:
    escaped = re.sub(r'([,+"\\<>;=])', r"\\\1", value).replace("\0", "\\00")
    if escaped.startswith((" ", "#")):
        escaped = "\\" + escaped
    if escaped.endswith(" ") and len(value) > 1:
        escaped = escaped[:-1] + "\\ "
    return escaped


def parse(text: str) -> Dn:
    """Read a name; the empty text is the root. Raises result 34 when it is none."""
    rdns = []
    rest = text.strip(" ")
    while rest:
        kind, equals, after = rest.partition("=")
        kind = kind.strip()
        if not equals or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+", kind):
            raise _bad(text)
        value, rest, more = _value(after.lstrip(" "), text)
        if not value or (more and not rest.strip()):
            raise _bad(text)
        rdns.append((kind.upper() if kind.lower() in {"cn", "ou", "dc"} else kind, value))
        rest = rest.lstrip(" ")
    return Dn(tuple(rdns))


def _value(text: str, whole: str) -> tuple[str, str, bool]:
    """Read one value; return it, what follows its comma, and whether there was a comma."""
    out = bytearray()
    kept = 0  # up to here blanks are part of the value
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            pair = text[at + 1 : at + 3].encode()
            if _HEX.fullmatch(pair):
                out.append(int(pair, 16))
                at += 3
            elif at + 1 < len(text):
                out += text[at + 1].encode()
                at += 2
            else:
                raise _bad(whole)
            kept = len(out)
            continue
        if char in ",;":
            break
        if char in '+"<>':  # several parts in one RDN are not used in Active Directory
            raise _bad(whole)
        out += char.encode()
        at += 1
        if char != " ":
            kept = len(out)
    try:
        return bytes(out[:kept]).decode(), text[at + 1 :], at < len(text)
    except UnicodeDecodeError:
        raise _bad(whole) from None


def _bad(text: str) -> Refusal:
    return Refusal(INVALID_DN_SYNTAX, "00002032", f"the name is not a DN: {text[:80]}")


def domain_dn(domain: str) -> Dn:
    """Return the DN of a DNS domain name."""
    return Dn(tuple(("DC", label) for label in domain.split(".")))
