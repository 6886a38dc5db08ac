"""Names: escaped on the way out, compared by value, refused when they could reach outside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.active_directory import names
from connectors.errors import InvalidInput

BASE = "DC=corp,DC=example,DC=test"
DOMAIN = "corp.example.test"

printable = st.text(min_size=1, max_size=20).filter(str.isprintable)


@given(printable)
def test_rdn_round_trip(name: str):
    """Whatever a name holds, it stays one component, directly in its container."""
    rdns = names.parse_dn(names.child_dn(name, f"OU=Validation,{BASE}"))

    assert ("cn", name.casefold()) == rdns[0]
    assert rdns[1:] == names.parse_dn(f"OU=Validation,{BASE}")


@given(printable)
def test_filter_is_closed(name: str):
    """A name adds no parenthesis and no wildcard to a filter."""
    query = names.user_filter(names.AccountName(name, name, None, None))

    assert query[:36] == "(&(objectClass=user)(sAMAccountName="
    assert not set("()*") & set(query[36:-2])
    assert query[-2:] == "))"


@given(st.text(max_size=30), st.text(max_size=30))
def test_parse_never_surprises(one: str, other: str):
    """A DN is either understood or refused; no other error comes out."""
    try:
        names.require_within(f"CN={one},{other}", BASE)
    except InvalidInput:
        return


def test_same_dn():
    """Case, blanks after commas and the way of escaping make no difference."""
    assert names.same_dn("CN=a\\2cb, OU=X,DC=corp", "cn=A\\,B,ou=x,dc=CORP")
    assert not names.same_dn("CN=a,DC=corp", "CN=b,DC=corp")


@pytest.mark.parametrize(
    "dn",
    [
        BASE,
        "DC=example,DC=test",
        "CN=x,DC=other,DC=test",
        f"CN=x,OU=a\\,{BASE}",
        "CN=x,DC=evilcorp,DC=example,DC=test",
        "<SID=S-1-5-21-1-2-3-500>",
        f"CN=x\x00,{BASE}",
        f"CN=x\n,{BASE}",
        f"CN=a+OU=b,{BASE}",
        "",
        "no dn",
    ],
)
def test_outside(dn: str):
    """A DN that is not strictly below the base is refused."""
    with pytest.raises(InvalidInput):
        names.require_within(dn, BASE)


def test_inside():
    """A DN below the base is given back as it was written."""
    dn = "cn=x, ou=Validation,dc=CORP,dc=example,dc=test"

    assert dn == names.require_within(dn, BASE)


@pytest.mark.parametrize(
    ("text", "sam", "upn", "netbios"),
    [
        ("svc", "svc", None, None),
        ("svc@corp.example.test", "svc", "svc@corp.example.test", None),
        ("svc@CORP.example.test", "svc", "svc@CORP.example.test", None),
        ("svc@other.test", None, "svc@other.test", None),
        ("CORP\\svc", "svc", None, "CORP"),
        ("corp.example.test\\svc", "svc", None, None),
    ],
)
def test_account_name(text: str, sam: str | None, upn: str | None, netbios: str | None):
    """Every form of a name is taken apart."""
    assert names.AccountName(text, sam, upn, netbios) == names.account_name(text, DOMAIN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("svc", "svc@corp.example.test"),
        ("corp.example.test\\svc", "svc@corp.example.test"),
        ("CORP\\svc", "CORP\\svc"),
        ("svc@other.test", "svc@other.test"),
    ],
)
def test_sign_in_name(text: str, expected: str):
    """Forms that a simple bind would answer like a wrong password are rewritten."""
    assert expected == names.sign_in_name(text, DOMAIN)


@pytest.mark.parametrize("text", ["", "svc\x00", "CORP\\", f"CN=svc,{BASE}"])
def test_no_sign_in_name(text: str):
    """Empty names, control characters and DNs are refused before anything is sent."""
    with pytest.raises(InvalidInput):
        names.sign_in_name(text, DOMAIN)


@pytest.mark.parametrize("name", ["", "a" * 21, "a@b", "a*", "a\\b", " a", "a.", "a\x00"])
def test_no_new_name(name: str):
    """A name that Active Directory would not take as sAMAccountName is refused."""
    with pytest.raises(InvalidInput):
        names.new_sam_account_name(name)


def test_prefix_filter():
    """The prefix is escaped; only the trailing wildcard is ours."""
    assert names.prefix_filter("rot-*")[-26:] == "(sAMAccountName=rot-\\2a*))"
