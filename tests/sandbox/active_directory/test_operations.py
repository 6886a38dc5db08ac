"""Creating, changing, renaming, deleting and finding entries."""

from __future__ import annotations

import socket
import ssl

import ldap3
import pytest
from ldap3.core.exceptions import LDAPSocketOpenError

from tests.sandbox.active_directory.lab import BASE, MANAGED, OTHER, Lab, answer, quoted, replaced

OK = (0, "")


def test_a_new_user(lab: Lab) -> None:
    """One add makes an enabled account with a password, and the directory fills in the rest."""
    user = lab.user(description="made by a test")
    assert lab.sign_in(user.upn, user.password) == OK
    found = lab.read(user.dn, "*")
    assert found["objectClass"] == [b"top", b"person", b"organizationalPerson", b"user"]
    assert found["cn"] == found["name"] == found["sAMAccountName"] == [user.username.encode()]
    assert found["distinguishedName"] == [user.dn.encode()]
    assert found["userAccountControl"] == [b"512"]
    assert found["sAMAccountType"] == [b"805306368"]
    assert found["accountExpires"] == [b"9223372036854775807"]
    assert found["primaryGroupID"] == [b"513"]
    assert len(found["objectGUID"][0]) == 16
    assert len(found["objectSid"][0]) == 28
    assert found["whenCreated"][0].endswith(b".0Z")
    assert int(found["pwdLastSet"][0]) > 0
    constructed = {"nTSecurityDescriptor", "tokenGroups", "msDS-User-Account-Control-Computed"}
    assert not constructed & set(found)


def test_a_bare_user(lab: Lab) -> None:
    """Without anything given, the account is disabled and has a generated sAMAccountName."""
    dn = f"CN=bare-{lab.user().username},{MANAGED}"
    with lab.acting_as("svc-create") as connection:
        connection.add(dn, ["user"])
        assert answer(connection) == OK
    found = lab.read(dn, "userAccountControl", "pwdLastSet", "sAMAccountName")
    assert found["userAccountControl"] == [b"546"]
    assert found["pwdLastSet"] == [b"0"]
    assert found["sAMAccountName"][0].startswith(b"$")


def test_duplicates(lab: Lab) -> None:
    """A taken DN or sAMAccountName is 68, a taken UPN is 19 with its own code."""
    user, other = lab.user(), lab.user()
    with lab.acting_as("svc-full") as connection:
        connection.add(user.dn, ["user"], {"sAMAccountName": "free"})
        assert answer(connection)[0] == 68
        dn = f"CN=second-{user.username},{MANAGED}"
        connection.add(dn, ["user"], {"sAMAccountName": user.username.upper()})
        assert answer(connection) == (68, "00002071")
        connection.add(dn, ["user"], {"userPrincipalName": user.upn.upper()})
        assert answer(connection) == (19, "0000202F")
        connection.modify(other.dn, {"userPrincipalName": replaced(user.upn)})
        assert answer(connection) == (19, "0000202F")
        connection.modify(other.dn, {"sAMAccountName": replaced(user.username)})
        assert answer(connection) == (68, "00002071")
        connection.search(dn, "(objectClass=*)", ldap3.BASE)
        assert answer(connection)[0] == 32


def test_what_is_not_there(lab: Lab) -> None:
    """Missing entries are 32, whoever asks."""
    dn = f"CN=gone,{MANAGED}"
    for who in ("plain", "svc-full"):
        assert lab.modify(who, dn, description="x") == (32, "00002030")
        assert lab.reset(who, dn, lab.new_password()) == (32, "00002030")
    with lab.acting_as("svc-full") as connection:
        connection.delete(dn)
        assert answer(connection) == (32, "00002030")
        connection.add(f"CN=x,OU=gone,{MANAGED}", ["user"])
        assert answer(connection)[0] == 32
        connection.modify_dn(dn, "CN=still gone")
        assert answer(connection)[0] == 32


def test_attributes_have_rules(lab: Lab) -> None:
    """Unknown attributes, names, the directory's own attributes and impossible values are refused."""
    user = lab.user(displayName="one")
    refused = {
        "bogusAttribute": 16,
        "cn": 67,
        "name": 67,
        "displayName": 21,
        "objectSid": 53,
    }
    for name, code in refused.items():
        value = "" if name == "displayName" else "x"
        assert lab.modify("Administrator", user.dn, **{name: value})[0] == code, name
    assert lab.modify("Administrator", user.dn, pwdLastSet="5")[1] == "00000057"
    with lab.acting_as("Administrator") as connection:
        connection.modify(user.dn, {"info": [(ldap3.MODIFY_DELETE, [])]})
        assert answer(connection)[0] == 16
        connection.modify(user.dn, {"displayName": [(ldap3.MODIFY_DELETE, ["other"])]})
        assert answer(connection)[0] == 16
        connection.modify(user.dn, {"displayName": [(ldap3.MODIFY_ADD, ["one"])]})
        assert answer(connection)[0] == 20
        connection.modify(user.dn, {"displayName": [(ldap3.MODIFY_DELETE, ["one"])]})
        assert answer(connection) == OK
        connection.modify(user.dn, {"displayName": [(ldap3.MODIFY_ADD, ["two"])]})
        assert answer(connection) == OK
    assert lab.read(user.dn, "displayName")["displayName"] == [b"two"]


def test_account_control(lab: Lab) -> None:
    """Disabling and enabling work; type bits come back by themselves, lockout bits do not stay."""
    user = lab.user()
    lab.modify("svc-write", user.dn, userAccountControl="514")
    assert lab.sign_in(user.upn, user.password) == (49, "533")
    lab.modify("svc-write", user.dn, userAccountControl="528")
    assert lab.number(user.dn, "userAccountControl") == 512
    lab.modify("svc-write", user.dn, userAccountControl="0")
    assert lab.number(user.dn, "userAccountControl") == 512
    assert lab.sign_in(user.upn, user.password) == OK


def test_delete(lab: Lab) -> None:
    """Deleting needs a leaf, and ends the account's sign-ins and memberships."""
    user = lab.user()
    group = f"CN=group-{user.username},{OTHER}"
    with lab.acting_as("Administrator") as admin:
        admin.add(group, ["group"], {"member": user.dn})
        assert answer(admin) == OK
        admin.delete(MANAGED)
        assert answer(admin) == (66, "00002015")
    with lab.acting_as("svc-delete") as connection:
        connection.delete(user.dn)
        assert answer(connection) == OK
    assert not lab.read(group, "member")["member"]
    assert lab.sign_in(user.upn, user.password) == (49, "52e")


def test_rename_and_move(lab: Lab) -> None:
    """A renamed or moved account keeps its SID, password and groups."""
    user = lab.user()
    sid = lab.read(user.dn, "objectSid")
    group, renamed = f"CN=rename-{user.username},{OTHER}", f"CN=new {user.username}"
    with lab.acting_as("Administrator") as admin:
        admin.add(group, ["group"], {"member": user.dn})
        admin.modify_dn(user.dn, f"CN={user.username}", delete_old_dn=False)
        assert answer(admin) == (53, "00002035")
    with lab.acting_as("svc-full") as connection:
        connection.modify_dn(user.dn, renamed)
        assert answer(connection) == OK
    with lab.acting_as("Administrator") as admin:
        admin.modify_dn(f"{renamed},{MANAGED}", renamed, new_superior=OTHER)
        assert answer(admin) == OK
    dn = f"{renamed},{OTHER}"
    assert lab.read(dn, "objectSid") == sid
    assert lab.read(dn, "name")["name"] == [f"new {user.username}".encode()]
    assert lab.read(group, "member")["member"] == [dn.encode()]
    assert lab.sign_in(user.upn, user.password) == OK


def test_anonymous_sees_the_root_only(lab: Lab) -> None:
    """Without a bind only the rootDSE is readable; the rest is an operations error."""
    with lab.connected() as connection:
        connection.search("", "(objectClass=*)", ldap3.BASE, attributes=["defaultNamingContext"])
        assert connection.response[0]["raw_attributes"]["defaultNamingContext"] == [BASE.encode()]
        connection.search(BASE, "(objectClass=*)")
        codes = [answer(connection)]
        connection.modify(MANAGED, {"description": replaced("x")})
        codes.append(answer(connection))
        connection.delete(MANAGED)
        codes.append(answer(connection))
        connection.add(f"CN=x,{MANAGED}", ["user"])
        codes.append(answer(connection))
    assert {code for code, _ in codes} == {1}
    if not lab.real:  # Samba has another machine code here
        assert {code for _, code in codes} == {"000004DC"}


def test_an_empty_password_is_anonymous(own: Lab) -> None:
    """As on Windows, a name without a password binds successfully, as nobody (Samba refuses)."""
    with own.connected("plain@corp.example.test", own.passwords["plain"]) as connection:
        request = ldap3.operation.bind.bind_operation(
            3, ldap3.SIMPLE, "plain@corp.example.test", "x"
        )
        request["authentication"]["simple"] = b""
        connection.get_response(connection.send("bindRequest", request))
        connection.search(BASE, "(objectClass=*)")
        assert answer(connection) == (1, "000004DC")


def test_the_policy_is_public(lab: Lab) -> None:
    """Any account reads the domain's policy, in negative units of 100 ns."""
    names = ("lockoutThreshold", "lockoutDuration", "lockOutObservationWindow", "maxPwdAge")
    found = lab.read(BASE, *names, "minPwdLength", "pwdHistoryLength", "pwdProperties")
    assert {name: values[0] for name, values in found.items()} == {
        "lockoutThreshold": b"3",
        "lockoutDuration": b"-6000000000",
        "lockOutObservationWindow": b"-6000000000",
        "maxPwdAge": b"-36288000000000",
        "minPwdLength": b"7",
        "pwdHistoryLength": b"24",
        "pwdProperties": b"1",
    }


def test_search_scopes_and_references(lab: Lab) -> None:
    """Base, one level and subtree differ; at the top of the domain a reference comes along."""
    user = lab.user()
    named = f"(sAMAccountName={user.username})"
    with lab.acting_as("plain") as connection:
        for base, scope, found in (
            (user.dn, ldap3.BASE, 1),
            (MANAGED, ldap3.BASE, 0),
            (MANAGED, ldap3.LEVEL, 1),
            (BASE, ldap3.LEVEL, 0),
            (BASE, ldap3.SUBTREE, 1),
        ):
            connection.search(base, named, scope, attributes=["1.1"])
            kinds = [entry["type"] for entry in connection.response]
            assert kinds.count("searchResEntry") == found, (base, scope)
            assert ("searchResRef" in kinds) is (base == BASE)
        connection.search(f"OU=gone,{BASE}", named)
        assert answer(connection)[0] == 32
        connection.search(MANAGED, named, attributes=["CN", "bogus"])
        assert dict(connection.response[0]["raw_attributes"])["cn"] == [user.username.encode()]


def test_pages(lab: Lab) -> None:
    """Paged searches give every entry once."""
    expected = {lab.user(OTHER).dn for _ in range(5)}
    with lab.acting_as("plain") as connection:
        pages = connection.extend.standard.paged_search(
            OTHER, "(objectClass=user)", attributes=["cn"], paged_size=2, generator=False
        )
    found = [entry["dn"] for entry in pages]
    assert len(found) == len(set(found))
    assert expected <= set(found)


def test_what_is_not_supported(lab: Lab) -> None:
    """WhoAmI is a protocol error; an unknown control matters only when it is critical."""
    with lab.acting_as("plain") as connection:
        connection.extend.standard.who_am_i()
        assert connection.result["result"] == 2
        for critical, code in ((True, 12), (False, 0)):
            controls = [("1.2.3.4", critical, None)]
            connection.search(MANAGED, "(objectClass=*)", ldap3.BASE, controls=controls)
            assert connection.result["result"] == code


def test_size_limits(own: Lab) -> None:
    """A search stops at its size limit, and at 1000 entries without paging (Samba does not)."""
    users = [own.user(OTHER) for _ in range(3)]
    with own.acting_as("plain") as connection:
        connection.search(OTHER, "(objectClass=user)", size_limit=2)
        assert answer(connection)[0] == 4
        assert len(connection.response) == len(users) - 1


def test_verified_tls_only(own: Lab) -> None:
    """An unknown authority stops the client; plain LDAP and TLS before 1.2 get no answer."""
    stranger = ldap3.Tls(validate=ssl.CERT_REQUIRED)
    server = ldap3.Server(own.standin.url, tls=stranger, get_info=ldap3.NONE, connect_timeout=5)
    with pytest.raises(LDAPSocketOpenError):
        ldap3.Connection(server, receive_timeout=5).open()
    port = int(own.standin.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        plain.sendall(bytes.fromhex("300c020101600702010304008000"))
        try:
            said = plain.recv(10)
        except ConnectionResetError:
            said = b""
        assert not said.startswith(b"\x30")
    # A ClientHello that offers TLS 1.1 at most; the answer is the alert protocol_version (70).
    hello = b"\x03\x02" + bytes(32) + b"\x00" + b"\x00\x02\xc0\x14" + b"\x01\x00"
    handshake = b"\x01" + len(hello).to_bytes(3, "big") + hello
    with socket.create_connection(("127.0.0.1", port), timeout=5) as old:
        old.sendall(b"\x16\x03\x01" + len(handshake).to_bytes(2, "big") + handshake)
        assert old.recv(7)[-2:] == bytes((2, 70))


def test_quoted_is_utf16() -> None:
    """The helper of these tests writes what Microsoft documents."""
    assert quoted("a") == b'"\0a\0"\0'
