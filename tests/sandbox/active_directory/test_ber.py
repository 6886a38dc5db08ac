"""The BER codec reads what it writes, and refuses what LDAP does not allow."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder

from sandbox.active_directory import ber


@given(st.integers(-(2**63), 2**63 - 1))
def test_writes_integers_that_others_read(value: int) -> None:
    """An INTEGER means the same to pyasn1, and takes no byte too many."""
    raw = ber.integer(value)
    assert int(decoder.decode(raw)[0]) == value
    assert ber.decode_all(raw).integer() == value
    assert len(raw) == 2 + max(1, ((value if value >= 0 else ~value).bit_length() + 8) // 8)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_reads_back_nested_octets(values: list[bytes]) -> None:
    """A SEQUENCE of OCTET STRINGs reads back, here and in pyasn1, across the lengths' forms."""
    raw = ber.sequence(ber.sequence(*map(ber.octets, values)), ber.boolean(True))
    inner, flag = ber.decode_all(raw).parts(2, 2)
    assert [one.octets() for one in inner.parts(0)] == values
    assert flag.boolean() is True
    assert [bytes(one) for one in decoder.decode(raw)[0][0]] == values


@given(st.binary(min_size=1, max_size=200))
@settings(max_examples=300)
def test_never_breaks_on_noise(noise: bytes) -> None:
    """Whatever the bytes, the answer is an element, a wish for more, or Malformed."""
    try:
        found = ber.decode(noise)
    except ber.Malformed:
        return
    assert found is None or 0 < found[1] <= len(noise)


@given(st.integers(0, 40))
def test_asks_for_more(cut: int) -> None:
    """A prefix of an element is not an element yet."""
    raw = ber.sequence(ber.octets(b"x" * 200), ber.integer(7))
    assert ber.decode(raw[:cut]) is None


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\x30\x80\x00\x00", id="indefinite length"),
        pytest.param(b"\x1f\x81\x01\x00", id="long tag"),
        pytest.param(b"\x30\x03\x04\x05ab", id="part beyond the whole"),
        pytest.param(b"\x30\x85\x01\x00\x00\x00\x00", id="length of five bytes"),
        pytest.param(b"\x30\x84\x7f\xff\xff\xff", id="too large"),
        pytest.param(b"\x30\x82\x02\x00" * 80, id="nested too deep"),
    ],
)
def test_refuses(raw: bytes) -> None:
    """What LDAP does not allow is Malformed, and does not wait for more."""
    with pytest.raises(ber.Malformed):
        ber.decode(raw + b"\0" * 0x200)


def test_checks_types() -> None:
    """Reading an element as what it is not is Malformed."""
    with pytest.raises(ber.Malformed):
        ber.decode_all(ber.sequence()).octets()
    with pytest.raises(ber.Malformed):
        ber.decode_all(ber.octets(b"\xff")).text()
    with pytest.raises(ber.Malformed):
        ber.decode_all(ber.octets(b"")).integer()
    with pytest.raises(ber.Malformed):
        ber.decode_all(ber.sequence(ber.integer(1))).parts(2)
