"""Delegated rights: what each one allows, what it does not, and how it shows beforehand."""

from __future__ import annotations

import struct
import uuid

import ldap3
import pytest

from tests.sandbox.active_directory.lab import (
    BASE,
    MANAGED,
    OTHER,
    RIGHTS,
    SERVICE,
    Lab,
    answer,
    quoted,
    replaced,
)

ADMINISTRATOR = f"CN=Administrator,CN=Users,{BASE}"
USER = uuid.UUID("bf967aba-0de6-11d0-a285-00aa003049e2")
RESET = uuid.UUID("00299570-246d-11d0-a768-00aa006e0529")
CONTROL = uuid.UUID("bf967a68-0de6-11d0-a285-00aa003049e2")
RESTRICTIONS = uuid.UUID("4c164200-20c0-11d0-a768-00aa006e0529")
CREATE_CHILD, DELETE_CHILD, WRITE, EXTENDED, DELETE = 0x1, 0x2, 0x20, 0x100, 0x10000


def sd_flags(parts: int) -> list[tuple[str, bool, bytes]]:
    """Return the control that asks for parts of a security descriptor."""
    return [("1.2.840.113556.1.4.801", True, bytes((0x30, 3, 2, 1, parts)))]


def token(connection: ldap3.Connection) -> set[bytes]:
    """Read the caller's SIDs from the rootDSE."""
    connection.search("", "(objectClass=*)", ldap3.BASE, attributes=["tokenGroups"])
    return set(connection.response[0]["raw_attributes"]["tokenGroups"])


def granted(raw: bytes, sids: set[bytes], right: int, *guids: uuid.UUID) -> bool:
    """Decide a right from a descriptor, as an outsider would who knows the format."""
    acl = struct.unpack_from("<I", raw, 16)[0]
    at = acl + 8
    for _ in range(struct.unpack_from("<H", raw, acl + 4)[0]):
        kind, flags, size, mask = struct.unpack_from("<BBHI", raw, at)
        start, named = at + 8, None
        if kind in (5, 6):
            present = struct.unpack_from("<I", raw, start)[0]
            start += 4
            if present & 1:
                named = uuid.UUID(bytes_le=raw[start : start + 16])
            start += 16 * (present & 3).bit_count()
        sid = raw[start : start + 8 + 4 * raw[start + 1]]
        at += size
        if flags & 0x8 or kind not in (0, 1, 5, 6) or sid not in sids or not mask & right:
            continue
        if named is None or named in guids:
            return kind in (0, 5)
    return False


def descriptor(connection: ldap3.Connection, dn: str, parts: int | None = 4) -> bytes | None:
    """Read a descriptor; None when there is no value."""
    controls = [] if parts is None else sd_flags(parts)
    attributes = ["nTSecurityDescriptor"]
    connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=attributes, controls=controls)
    values = connection.response[0]["raw_attributes"].get("nTSecurityDescriptor")
    return values[0] if values else None


@pytest.mark.parametrize("who", RIGHTS)
def test_the_descriptor_predicts_what_happens(lab: Lab, who: str) -> None:
    """For every delegation, the DACL and the caller's SIDs tell exactly what is then allowed."""
    user = lab.user()
    dn = f"CN={user.username}-new,{MANAGED}"
    with lab.acting_as(who) as connection:
        sids = token(connection)
        unit, entry = descriptor(connection, MANAGED), descriptor(connection, user.dn)
        assert unit is not None and entry is not None
        connection.add(dn, ["user"], {"sAMAccountName": f"{user.username}n"})
        assert granted(unit, sids, CREATE_CHILD, USER) is (answer(connection)[0] == 0)
        connection.modify(user.dn, {"unicodePwd": replaced(quoted(lab.new_password()))})
        assert granted(entry, sids, EXTENDED, RESET) is (answer(connection)[0] == 0)
        connection.modify(user.dn, {"userAccountControl": replaced("514")})
        assert granted(entry, sids, WRITE, CONTROL, RESTRICTIONS) is (answer(connection)[0] == 0)
        connection.delete(user.dn)
        may_delete = granted(entry, sids, DELETE) or granted(unit, sids, DELETE_CHILD, USER)
        assert may_delete is (answer(connection)[0] == 0)


@pytest.mark.parametrize("who", RIGHTS)
def test_each_right_is_one_thing(lab: Lab, who: str) -> None:
    """The seed's four rights each allow their own operation and no other."""
    user, rights = lab.user(), RIGHTS[who]
    dn = f"CN={user.username}-new,{MANAGED}"
    assert (lab.reset(who, user.dn, lab.new_password())[0] == 0) is ("reset passwords" in rights)
    for name, value in (("description", "x"), ("userAccountControl", "512"), ("lockoutTime", "0")):
        allowed = lab.modify(who, user.dn, **{name: value})[0] == 0
        assert allowed is ("write user attributes" in rights), name
    with lab.acting_as(who) as connection:
        password = quoted(lab.new_password())
        given = {
            "sAMAccountName": f"{user.username}n",
            "userAccountControl": 512,
            "unicodePwd": password,
        }
        connection.add(dn, ["user"], given)
        assert answer(connection)[0] == (0 if "create users" in rights else 50)
        connection.delete(user.dn)
        assert answer(connection)[0] == (0 if "delete users" in rights else 50)


def test_nothing_outside_the_container(lab: Lab) -> None:
    """Even every right in one container is none elsewhere, on other classes, or on the container."""
    elsewhere, user = lab.user(SERVICE), lab.user()
    for dn in (elsewhere.dn, ADMINISTRATOR):
        assert lab.reset("svc-full", dn, lab.new_password())[0] == 50
        assert lab.modify("svc-full", dn, description="x")[0] == 50
    with lab.acting_as("svc-full") as connection:
        for dn, kind in (
            (f"CN=x,{OTHER}", "user"),
            (f"CN=g,{MANAGED}", "group"),
            (f"OU=o,{MANAGED}", "organizationalUnit"),
        ):
            connection.add(dn, [kind])
            assert answer(connection)[0] == 50, dn
        for dn in (elsewhere.dn, MANAGED):
            connection.delete(dn)
            assert answer(connection)[0] == 50, dn
        connection.modify_dn(user.dn, f"CN={user.username}", new_superior=OTHER)
        assert answer(connection)[0] == 50
        trusted = {"userAccountControl": replaced(str(512 | 0x80000))}
        connection.modify(user.dn, trusted)
        assert answer(connection)[0] == 50


def test_a_creator_owns_but_does_not_rule(lab: Lab) -> None:
    """Who may only create cannot write, reset or delete what it has created; it owns it."""
    dn = f"CN=owned-{lab.user().username},{MANAGED}"
    with lab.acting_as("svc-create") as connection:
        connection.add(dn, ["user"])
        assert answer(connection)[0] == 0
        connection.modify(dn, {"description": replaced("x")})
        assert answer(connection)[0] == 50
        connection.modify(dn, {"unicodePwd": replaced(quoted(lab.new_password()))})
        assert answer(connection)[0] == 50
        connection.delete(dn)
        assert answer(connection)[0] == 50
    assert lab.read(dn, "sDRightsEffective", who="svc-create")["sDRightsEffective"] == [b"4"]


def test_effective_rights_show(lab: Lab) -> None:
    """The computed attributes show creation and property writes, and do not show resets."""
    user = lab.user()
    for who, rights in RIGHTS.items():
        children = lab.read(MANAGED, "allowedChildClassesEffective", who=who)
        expected = [b"user"] if "create users" in rights else []
        assert children.get("allowedChildClassesEffective", []) == expected, who
        writable = lab.read(user.dn, "allowedAttributesEffective", who=who)
        found = set(writable.get("allowedAttributesEffective", []))
        wanted = {b"userAccountControl", b"pwdLastSet", b"lockoutTime", b"description"}
        assert (wanted <= found) is ("write user attributes" in rights), who
        if rights == ["reset passwords"]:
            assert not found
        assert lab.read(user.dn, "sDRightsEffective", who=who)["sDRightsEffective"] == [b"0"]
    assert lab.read(user.dn, "sDRightsEffective", who="Administrator")["sDRightsEffective"] == [
        b"15"
    ]


def test_descriptors_need_the_control(lab: Lab) -> None:
    """Without the control, or asking for the SACL, a plain user gets no descriptor at all."""
    with lab.acting_as("plain") as connection:
        assert descriptor(connection, MANAGED, None) is None
        assert descriptor(connection, MANAGED, 15) is None
        only_dacl, without_sacl = (
            descriptor(connection, MANAGED, 4),
            descriptor(connection, MANAGED, 7),
        )
    assert only_dacl is not None and without_sacl is not None
    assert struct.unpack_from("<II", only_dacl, 4) == (0, 0)
    assert all(struct.unpack_from("<II", without_sacl, 4))
    with lab.acting_as("Administrator") as connection:
        assert descriptor(connection, MANAGED, None) is not None


def test_tokens(lab: Lab) -> None:
    """The rootDSE gives the whole token, own SID first; the user object gives its groups only."""
    everyone, authenticated = (
        b"\1\1" + bytes(5) + b"\1" + bytes(4),
        b"\1\1" + bytes(5) + b"\5\x0b\0\0\0",
    )
    dn = f"CN=plain,{SERVICE}"
    with lab.acting_as("plain") as connection:
        connection.search("", "(objectClass=*)", ldap3.BASE, attributes=["tokenGroups"])
        whole = connection.response[0]["raw_attributes"]["tokenGroups"]
    own = lab.read(dn, "objectSid")["objectSid"]
    assert whole[:1] == own
    assert {everyone, authenticated} <= set(whole)
    groups = lab.read(dn, "tokenGroups")["tokenGroups"]
    assert set(groups) <= set(whole)
    assert not {everyone, authenticated, *own} & set(groups)


def test_nested_groups_count(lab: Lab) -> None:
    """A member of a group in a group has the SIDs of both, and shows as a member in a chain."""
    user = lab.user()
    inner, outer = (f"CN={kind}-{user.username},{OTHER}" for kind in ("inner", "outer"))
    with lab.acting_as("Administrator") as admin:
        for dn, member in ((inner, user.dn), (outer, inner)):
            admin.add(dn, ["group"], {"sAMAccountName": dn[3:13]})
            admin.modify(dn, {"member": [(ldap3.MODIFY_ADD, [member])]})
            assert answer(admin) == (0, "")
    with lab.connected(user.upn, user.password) as connection:
        sids = token(connection)
        for dn in (inner, outer):
            assert lab.read(dn, "objectSid")["objectSid"][0] in sids
        chain = f"(&(objectClass=user)(memberOf:1.2.840.113556.1.4.1941:={outer}))"
        connection.search(MANAGED, chain)
        assert [entry["dn"] for entry in connection.response] == [user.dn]
    assert lab.read(user.dn, "memberOf")["memberOf"] == [inner.encode()]


def test_delegations_come_and_go(own: Lab) -> None:
    """A right that is revoked ends at once, also for groups and for open connections."""
    user = own.user()
    assert own.reset("svc-reset", user.dn, own.new_password())[0] == 0
    own.standin.do(
        "revoke", trustee="svc-reset", container="OU=Validation", rights=["reset passwords"]
    )
    assert own.reset("svc-reset", user.dn, own.new_password())[0] == 50
    own.standin.do("add_group", name="Operators", members=["plain"])
    own.standin.do("delegate", trustee="Operators", container="", rights=["reset passwords"])
    with own.connected("plain@corp.example.test", own.passwords["plain"]) as connection:
        connection.modify(user.dn, {"unicodePwd": replaced(quoted(own.new_password()))})
        assert answer(connection) == (0, "")


def test_defaults_of_the_class_count(lab: Lab) -> None:
    """Account Operators rule new users by the default that the schema names, not the administrator."""
    user, operator = lab.user(), lab.user(OTHER)
    operators = f"CN=Account Operators,CN=Builtin,{BASE}"
    definition = f"CN=User,CN=Schema,CN=Configuration,{BASE}"
    found = lab.read(definition, "defaultSecurityDescriptor", "lDAPDisplayName", "schemaIDGUID")
    assert b"CCDCLCLORCWOWDSDDTSW;;;AO)" in found["defaultSecurityDescriptor"][0]
    assert found["lDAPDisplayName"] == [b"user"]
    assert found["schemaIDGUID"] == [USER.bytes_le]
    with lab.acting_as("Administrator") as admin:
        admin.modify(operators, {"member": [(ldap3.MODIFY_ADD, [operator.dn])]})
        assert answer(admin) == (0, "")
    with lab.connected(operator.upn, operator.password) as connection:
        connection.modify(user.dn, {"unicodePwd": replaced(quoted(lab.new_password()))})
        assert answer(connection)[0] == 0
        connection.modify(ADMINISTRATOR, {"description": replaced("x")})
        # Windows protects administrators from it (AdminSDHolder); Samba does not.
        assert answer(connection)[0] == (0 if lab.real else 50)
        connection.add(f"CN=by-{user.username},{MANAGED}", ["user"])
        assert answer(connection)[0] == 0


def test_oneself(lab: Lab) -> None:
    """An account may write its own personal information, and nothing else of itself."""
    user = lab.user()
    with lab.connected(user.upn, user.password) as connection:
        for name, code in (("telephoneNumber", 0), ("description", 50), ("userAccountControl", 50)):
            connection.modify(user.dn, {name: replaced("512")})
            assert answer(connection)[0] == code, name
