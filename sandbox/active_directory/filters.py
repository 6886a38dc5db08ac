"""Search filters: reading them from BER and deciding whether an entry matches (RFC 4511 4.5.1.7).

A filter is true, false or undefined; an attribute that is not known, or not there, makes it undefined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sandbox.active_directory import names, schema
from sandbox.active_directory.ber import Element, Malformed
from sandbox.active_directory.results import Refusal
from sandbox.active_directory.schema import Syntax

Values = Callable[[str], Sequence[bytes]]  # the values of an attribute, by lower-case name
Filter = Callable[[Values], bool | None]

_ALL_BITS = "1.2.840.113556.1.4.803"
_ANY_BIT = "1.2.840.113556.1.4.804"
_IN_CHAIN = "1.2.840.113556.1.4.1941"


def read(element: Element) -> Filter:
    """Turn the BER form of a filter into a function."""
    tag = element.tag
    if tag in (0xA0, 0xA1):
        parts = [read(child) for child in element.parts(0)]
        return _all(parts) if tag == 0xA0 else _any(parts)
    if tag == 0xA2:
        return _negated(read(element.parts(1, 1)[0]))
    if tag in (0xA3, 0xA5, 0xA6, 0xA8):
        name, value = element.parts(2, 2)
        return _compare(name.text(), value.octets(), tag)
    if tag == 0xA4:
        return _substring(element)
    if tag == 0x87:
        return _present(element.text())
    if tag == 0xA9:
        return _extensible(element)
    raise Malformed("not a filter")


def _all(parts: list[Filter]) -> Filter:
    def match(values: Values) -> bool | None:
        answers = [part(values) for part in parts]
        return False if False in answers else None if None in answers else True

    return match


def _any(parts: list[Filter]) -> Filter:
    def match(values: Values) -> bool | None:
        answers = [part(values) for part in parts]
        return True if True in answers else None if None in answers else False

    return match


def _negated(part: Filter) -> Filter:
    def match(values: Values) -> bool | None:
        answer = part(values)
        return None if answer is None else not answer

    return match


def _present(name: str) -> Filter:
    known = schema.attribute(name)
    return lambda values: bool(values(known.name.lower())) if known else None


def comparable(syntax: Syntax, value: bytes) -> bytes | int | str | names.Key | None:
    """Return what two equal values have in common; None when the value has not the right form."""
    try:
        if syntax is Syntax.BYTES:
            return value
        text = value.decode()
        if syntax is Syntax.NUMBER:
            return int(text)
        if syntax is Syntax.DN:
            return names.parse(text).key
    except (ValueError, Refusal):
        return None
    return " ".join(text.casefold().split())


def _wanted(known: schema.Attribute, value: bytes) -> object:
    if known.name == "objectCategory" and b"=" not in value:
        # Active Directory takes a class name here and means the DN of its category.
        named = schema.CLASSES.get(value.decode("utf-8", "replace").lower())
        return ("category", named.category.lower() if named else value.decode().lower())
    return comparable(known.syntax, value)


def _same(known: schema.Attribute, value: bytes, wanted: object) -> bool:
    if isinstance(wanted, tuple) and wanted[0] == "category":
        return bool(names.parse(value.decode()).key[0][1] == wanted[1])
    return comparable(known.syntax, value) == wanted


def _compare(name: str, value: bytes, tag: int) -> Filter:
    known = schema.attribute(name)
    if known is None:
        return lambda _values: None
    wanted = _wanted(known, value)
    if wanted is None:
        return lambda _values: None

    def equal(values: Values) -> bool | None:
        return any(_same(known, one, wanted) for one in values(known.name.lower()))

    def ordered(values: Values) -> bool | None:
        found = [comparable(known.syntax, one) for one in values(known.name.lower())]
        return any(_in_order(one, wanted, least=tag == 0xA5) for one in found)

    return ordered if tag in (0xA5, 0xA6) else equal


def _in_order(mine: object, wanted: object, *, least: bool) -> bool:
    if isinstance(mine, int) and isinstance(wanted, int):
        return mine >= wanted if least else mine <= wanted
    if isinstance(mine, str) and isinstance(wanted, str):
        return mine >= wanted if least else mine <= wanted
    return False


def _substring(element: Element) -> Filter:
    name, pieces = element.parts(2, 2)
    known = schema.attribute(name.text())
    wanted = [
        (piece.tag, piece.octets().decode("utf-8", "replace").casefold())
        for piece in pieces.parts(1)
    ]
    if any(tag not in (0x80, 0x81, 0x82) for tag, _ in wanted):
        raise Malformed("not a substring filter")
    if known is None or known.syntax in (Syntax.DN, Syntax.NUMBER):
        return lambda _values: None

    def fits(value: bytes) -> bool:
        text = value.decode("utf-8", "replace").casefold()
        for tag, piece in wanted:
            if tag == 0x80:
                if not text.startswith(piece):
                    return False
                text = text[len(piece) :]
            elif tag == 0x82:
                if not text.endswith(piece):
                    return False
                text = ""
            else:
                at = text.find(piece)
                if at < 0:
                    return False
                text = text[at + len(piece) :]
        return True

    return lambda values: any(fits(one) for one in values(known.name.lower()))


def _extensible(element: Element) -> Filter:
    parts = {part.tag: part for part in element.parts(1, 4)}
    rule = parts[0x81].text() if 0x81 in parts else ""
    name = parts[0x82].text() if 0x82 in parts else ""
    if 0x83 not in parts:
        raise Malformed("an extensible filter without a value")
    value = parts[0x83].octets()
    known = schema.attribute(name)
    if known is None:
        return lambda _values: None
    if rule == _IN_CHAIN and known.syntax is Syntax.DN:
        # The view resolves the chain under a name of its own, because only it sees other entries.
        key = comparable(Syntax.DN, value)
        return lambda values: any(
            comparable(Syntax.DN, one) == key for one in values(f"{known.name.lower()};in-chain")
        )
    if rule in (_ALL_BITS, _ANY_BIT) and known.syntax is Syntax.NUMBER:
        wanted = comparable(Syntax.NUMBER, value)
        if not isinstance(wanted, int):
            return lambda _values: None
        return _bits(known, wanted, every=rule == _ALL_BITS)
    if not rule:
        return _compare(name, value, 0xA3)
    return lambda _values: None


def _bits(known: schema.Attribute, wanted: int, *, every: bool) -> Filter:
    def match(values: Values) -> bool | None:
        found = [int(one) for one in values(known.name.lower())]
        return any((one & wanted == wanted) if every else bool(one & wanted) for one in found)

    return match
