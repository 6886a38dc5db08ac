"""LDAP messages: reading requests, writing responses (RFC 4511)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.active_directory import ber
from sandbox.active_directory.ber import Element, Malformed
from sandbox.active_directory.filters import Filter
from sandbox.active_directory.filters import read as read_filter
from sandbox.active_directory.results import UNWILLING, Refusal, Result

BIND, UNBIND, SEARCH, MODIFY, ADD = 0x60, 0x42, 0x63, 0x66, 0x68
DELETE, MODIFY_DN, COMPARE, ABANDON, EXTENDED = 0x4A, 0x6C, 0x6E, 0x50, 0x77
ANSWERS = {BIND: 0x61, SEARCH: 0x65, MODIFY: 0x67, ADD: 0x69, DELETE: 0x6B, MODIFY_DN: 0x6D,
           COMPARE: 0x6F, EXTENDED: 0x78}  # fmt: skip
_ENTRY, _REFERENCE, _CONTROLS = 0x64, 0x73, 0xA0
BASE, ONE, SUBTREE = 0, 1, 2
ADD_VALUES, DELETE_VALUES, REPLACE_VALUES = 0, 1, 2

Attributes = Mapping[str, Sequence[bytes]]
Change = tuple[int, str, list[bytes]]


@dataclass(frozen=True)
class Message:
    """One request. ``controls`` by OID: whether critical, and the value."""

    number: int
    operation: Element
    controls: dict[str, tuple[bool, bytes]]


@dataclass(frozen=True)
class SearchRequest:
    """The parts of a search."""

    base: str
    scope: int
    size_limit: int
    types_only: bool
    filter: Filter
    attributes: list[str]


def read_message(element: Element) -> Message:
    """Read the envelope of a request."""
    number, operation, *rest = element.parts(2, 3)
    controls = {}
    for part in rest:
        if part.tag != _CONTROLS:
            raise Malformed("not controls")
        for control in part.parts(0):
            oid, *more = control.parts(1, 3)
            critical = any(one.boolean() for one in more if one.tag == ber.BOOLEAN)
            value = next((one.octets() for one in more if one.tag == ber.OCTETS), b"")
            controls[oid.text()] = (critical, value)
    return Message(number.integer(), operation, controls)


def read_bind(operation: Element) -> tuple[int, str, str | None]:
    """Read version, name and password of a bind; no password when it is not a simple one."""
    version, name, method = operation.parts(3, 3)
    return version.integer(), name.text(), method.text() if method.tag == 0x80 else None


def read_search(operation: Element) -> SearchRequest:
    """Read a search."""
    base, scope, _, size, _, types_only, wanted, attributes = operation.parts(8, 8)
    return SearchRequest(
        base.text(),
        scope.integer(),
        size.integer(),
        types_only.boolean(),
        read_filter(wanted),
        [one.text() for one in attributes.parts(0)],
    )


def _attribute(element: Element) -> tuple[str, list[bytes]]:
    name, values = element.parts(2, 2)
    return name.text(), [value.octets() for value in values.parts(0)]


def read_add(operation: Element) -> tuple[str, list[tuple[str, list[bytes]]]]:
    """Read name and attributes of an add."""
    name, attributes = operation.parts(2, 2)
    return name.text(), [_attribute(one) for one in attributes.parts(0)]


def read_modify(operation: Element) -> tuple[str, list[Change]]:
    """Read name and changes of a modify."""
    name, changes = operation.parts(2, 2)
    found = []
    for change in changes.parts(0):
        kind, attribute = change.parts(2, 2)
        found.append((kind.integer(), *_attribute(attribute)))
    return name.text(), found


def read_modify_dn(operation: Element) -> tuple[str, str, str | None]:
    """Read name, new RDN and the new parent; raise result 53 when the old RDN is to stay."""
    name, rdn, drop, *above = operation.parts(3, 4)
    if not drop.boolean():
        raise Refusal(UNWILLING, "00002035", "SvcErr: the old name cannot stay as a value")
    return name.text(), rdn.text(), above[0].text() if above else None


def read_paging(value: bytes) -> tuple[int, bytes]:
    """Read page size and cookie of the paged results control."""
    size, cookie = ber.decode_all(value).parts(2, 2)
    return size.integer(), cookie.octets()


def paging(cookie: bytes) -> bytes:
    """Write the paged results control of an answer."""
    value = ber.sequence(ber.integer(0), ber.octets(cookie))
    control = ber.sequence(ber.octets("1.2.840.113556.1.4.319"), ber.octets(value))
    return ber.sequence(control, tag=_CONTROLS)


def _envelope(number: int, operation: bytes, controls: bytes = b"") -> bytes:
    return ber.sequence(ber.integer(number), operation, controls)


def answer(
    number: int, tag: int, result: Result, controls: bytes = b"", more: bytes = b""
) -> bytes:
    """Write the final answer of an operation."""
    body = (
        ber.integer(result.code, ber.ENUMERATED),
        ber.octets(result.matched),
        ber.octets(result.message),
        more,
    )
    return _envelope(number, ber.sequence(*body, tag=tag), controls)


def entry(number: int, name: str, attributes: Attributes, *, types_only: bool = False) -> bytes:
    """Write one found entry."""
    parts = [
        ber.sequence(
            ber.octets(kind),
            ber.sequence(*(() if types_only else (ber.octets(v) for v in values)), tag=ber.SET),
        )
        for kind, values in attributes.items()
    ]
    return _envelope(number, ber.sequence(ber.octets(name), ber.sequence(*parts), tag=_ENTRY))


def reference(number: int, *urls: str) -> bytes:
    """Write a reference to another naming context."""
    return _envelope(number, ber.sequence(*(ber.octets(url) for url in urls), tag=_REFERENCE))
