"""Distinguished names survive every spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.utils.dn import escape_rdn, safe_dn

from sandbox.active_directory import names
from sandbox.active_directory.results import INVALID_DN_SYNTAX, Refusal

PRINTABLE = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(
    lambda value: not value.isspace()
)


@given(PRINTABLE)
def test_reads_what_it_writes(value: str) -> None:
    """A name reads back with the value it was made of."""
    dn = names.domain_dn("corp.example.test").child("CN", value)
    assert names.parse(str(dn)).rdn == ("CN", value)


@given(PRINTABLE)
def test_reads_what_ldap3_escapes(value: str) -> None:
    """A name that ldap3 has escaped means the value that was given to it."""
    text = safe_dn(f"CN={escape_rdn(value)},DC=test")
    assert names.parse(text).rdn[1] == value


def test_ignores_case_and_blanks() -> None:
    """Two spellings of one name have the same key."""
    one = names.parse("CN=Jane  Doe,OU=People,DC=test")
    assert one.key == names.parse("cn=jane doe , ou=PEOPLE;dc=Test").key
    assert str(one) == "CN=Jane  Doe,OU=People,DC=test"


def test_knows_what_is_under_what() -> None:
    """A name is under itself and its parents, and moves with them."""
    base, other = names.parse("OU=A,DC=test"), names.parse("OU=B,DC=test")
    dn = base.child("CN", "x")
    assert dn.is_under(base) and dn.is_under(dn) and not dn.is_under(other)
    assert str(dn.moved(base, other)) == "CN=x,OU=B,DC=test"


@pytest.mark.parametrize("text", ["x", "CN=", "CN=x,", "CN=a+OU=b", "=x", "CN=x\\", "CN=\\ff"])
def test_refuses(text: str) -> None:
    """What is no name gives result 34."""
    with pytest.raises(Refusal) as refused:
        names.parse(text)
    assert refused.value.result.code == INVALID_DN_SYNTAX
