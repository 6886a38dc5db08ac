"""Filters decide as Active Directory does."""

from __future__ import annotations

import pytest
from ldap3.operation.search import search_operation
from pyasn1.codec.ber import encoder

from sandbox.active_directory import ber, filters

PERSON = "CN=Person,CN=Schema,CN=Configuration,DC=test"
JANE = {
    "cn": [b"Jane Doe"],
    "objectclass": [b"top", b"person", b"user"],
    "useraccountcontrol": [b"66048"],
    "objectcategory": [PERSON.encode()],
    "manager": [b"CN=Boss,DC=test"],
    "objectguid": [b"\x01\x02"],
    "memberof;in-chain": [b"CN=Outer,DC=test"],
}


def matches(text: str) -> bool | None:
    """Decide a filter, read by ldap3, written by pyasn1, on one entry."""
    request = search_operation("", text, "BASE", "NEVER", None, 0, 0, False, None, None)
    element = ber.decode_all(encoder.encode(request["filter"]))
    return filters.read(element)(lambda name: JANE.get(name, ()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(cn=jane  DOE)", True),
        ("(cn=Jane)", False),
        ("(cn=*)", True),
        ("(mail=*)", False),
        ("(cn=j*e*oe)", True),
        ("(cn=*ne*oe)", True),
        ("(cn=jane do*oe)", False),
        ("(objectClass=USER)", True),
        ("(objectCategory=person)", True),
        ("(objectCategory=group)", False),
        (f"(objectCategory={PERSON.upper()})", True),
        ("(manager=cn=boss, dc=TEST)", True),
        ("(objectGUID=\\01\\02)", True),
        ("(userAccountControl=66048)", True),
        ("(userAccountControl>=66048)", True),
        ("(userAccountControl<=66047)", False),
        ("(userAccountControl:1.2.840.113556.1.4.803:=65536)", True),
        ("(userAccountControl:1.2.840.113556.1.4.803:=65538)", False),
        ("(userAccountControl:1.2.840.113556.1.4.804:=65538)", True),
        ("(userAccountControl:1.2.840.113556.1.4.804:=2)", False),
        ("(memberOf:1.2.840.113556.1.4.1941:=CN=outer,DC=test)", True),
        ("(&(cn=jane doe)(objectClass=user))", True),
        ("(&(cn=jane doe)(objectClass=group))", False),
        ("(|(cn=nobody)(objectClass=user))", True),
        ("(!(cn=nobody))", True),
        ("(!(mail=nobody))", True),
        ("(bogus=1)", None),
        ("(!(bogus=1))", None),
        ("(|(bogus=1)(cn=jane doe))", True),
        ("(&(bogus=1)(cn=nobody))", False),
        ("(userAccountControl=many)", None),
    ],
)
def test_decides(text: str, expected: bool | None) -> None:
    """Each kind of filter is true, false or undefined as it should be."""
    assert matches(text) is expected


def test_refuses_what_is_no_filter() -> None:
    """An unknown tag is Malformed."""
    with pytest.raises(ber.Malformed):
        filters.read(ber.decode_all(ber.octets("x", 0x8F)))
