"""The part of BER that LDAP uses: definite lengths, one-byte tags, nothing else (X.690, RFC 4511 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31
_CONSTRUCTED = 0x20
_DEEPEST = 60
_LARGEST = 4 * 1024 * 1024


class Malformed(ValueError):
    """The bytes are not BER as LDAP allows it, or not the type that was expected."""


@dataclass(frozen=True, slots=True)
class Element:
    """One decoded element: ``content`` of a primitive one, ``children`` of a constructed one."""

    tag: int
    content: bytes
    children: tuple[Element, ...] = ()

    def integer(self) -> int:
        """Read an INTEGER or ENUMERATED, under whatever tag."""
        if not 1 <= len(self.content) <= 8 or self.constructed:
            raise Malformed("not an integer")
        return int.from_bytes(self.content, "big", signed=True)

    def octets(self) -> bytes:
        """Read an OCTET STRING, under whatever tag."""
        if self.constructed:
            raise Malformed("not an octet string")
        return self.content

    def text(self) -> str:
        """Read an OCTET STRING as UTF-8."""
        try:
            return self.octets().decode()
        except UnicodeDecodeError:
            raise Malformed("not UTF-8") from None

    def boolean(self) -> bool:
        """Read a BOOLEAN, under whatever tag."""
        if len(self.content) != 1:
            raise Malformed("not a boolean")
        return self.content != b"\0"

    @property
    def constructed(self) -> bool:
        """Whether the element is made of others."""
        return bool(self.tag & _CONSTRUCTED)

    def parts(self, least: int, most: int | None = None) -> tuple[Element, ...]:
        """Return the children, checking how many there are; ``most`` None means no upper limit."""
        if not self.constructed or len(self.children) < least:
            raise Malformed("a part is missing")
        if most is not None and len(self.children) > most:
            raise Malformed("too many parts")
        return self.children


def header(data: bytes, offset: int = 0) -> tuple[int, int, int] | None:
    """Read tag, content start and content end; None when more bytes are needed."""
    if len(data) - offset < 2:
        return None
    tag, length = data[offset], data[offset + 1]
    if tag & 0x1F == 0x1F:
        raise Malformed("a tag of more than one byte")
    start = offset + 2
    if length == 0x80:
        raise Malformed("an indefinite length")
    if length > 0x80:
        size = length & 0x7F
        if size > 4:
            raise Malformed("a length of more than four bytes")
        if len(data) < start + size:
            return None
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if length > _LARGEST:
        raise Malformed("too large")
    return tag, start, start + length


def decode(data: bytes, offset: int = 0, depth: int = 0) -> tuple[Element, int] | None:
    """Decode the element at ``offset`` and say where the next begins; None when bytes are missing."""
    if depth > _DEEPEST:
        raise Malformed("nested too deep")
    found = header(data, offset)
    if found is None or len(data) < found[2]:
        return None
    tag, start, end = found
    if not tag & _CONSTRUCTED:
        return Element(tag, data[start:end]), end
    children = []
    at = start
    while at < end:
        child = decode(data, at, depth + 1)
        if child is None or child[1] > end:
            raise Malformed("a part reaches beyond the whole")
        children.append(child[0])
        at = child[1]
    return Element(tag, data[start:end], tuple(children)), end


def decode_all(data: bytes) -> Element:
    """Decode bytes that hold exactly one element, such as a control's value."""
    found = decode(data)
    if found is None or found[1] != len(data):
        raise Malformed("not exactly one element")
    return found[0]


def encode(tag: int, content: bytes) -> bytes:
    """Encode one element."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Encode an INTEGER in as few bytes as possible."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return encode(tag, value.to_bytes(size, "big", signed=True))


def octets(value: bytes | str, tag: int = OCTETS) -> bytes:
    """Encode an OCTET STRING; text becomes UTF-8."""
    return encode(tag, value.encode() if isinstance(value, str) else value)


def boolean(value: bool, tag: int = BOOLEAN) -> bytes:
    """Encode a BOOLEAN."""
    return encode(tag, b"\xff" if value else b"\0")


def sequence(*parts: bytes, tag: int = SEQUENCE) -> bytes:
    """Encode a SEQUENCE, a SET or another constructed element."""
    return encode(tag, b"".join(parts))
