"""The directory as the LDAP secrets engine reaches it: a search and a reset, each on a fresh LDAPS bind."""

from __future__ import annotations

import contextlib
import re
import ssl
import tempfile
from collections.abc import Iterator
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from sandbox.standin.ldap import verified_tls
from sandbox.vault.ldap_model import Configuration, Role

_LOST = "unable to read LDAP response packet: read tcp: read: connection reset by peer"
_UPN = "userPrincipalName"
_USER_ATTRIBUTES = (_UPN, "sAMAccountName", "cn", "uid", "name", "displayName", "distinguishedName")


class DirectoryFailed(Exception):
    """The reset did not succeed, or its answer was lost; the text is what the engine passes on."""


def reset_password(config: Configuration, role: Role, password: str) -> None:
    """Find the one entry of a role and replace its password, as an administrator resets it."""
    if config.text("userattr") not in _USER_ATTRIBUTES:
        raise DirectoryFailed(f'unsupported userattr "{config.text("userattr")}"')
    direct = role.dn and config.text("userattr") != _UPN
    base = role.dn if direct else config.text("userdn")
    with _bound(config) as connection:
        connection.search(
            base,
            _filter(config, role),
            ldap3.BASE if direct else ldap3.SUBTREE,
            attributes=ldap3.NO_ATTRIBUTES,
        )
        _demand_success(connection.result)
        found = [e["dn"] for e in connection.response or () if e["type"] == "searchResEntry"]
    if len(found) != 1:
        raise DirectoryFailed(f"expected one matching entry, but received {len(found)}")
    quoted = f'"{password}"'.encode("utf-16-le")
    with _bound(config) as connection:
        change = {"unicodePwd": [(ldap3.MODIFY_REPLACE, [quoted])]}
        connection.modify(found[0], change)  # type: ignore[no-untyped-call]
        _demand_success(connection.result)


def _filter(config: Configuration, role: Role) -> str:
    attribute = config.text("userattr")
    if not role.dn:
        return f"({attribute}={escape_filter_chars(role.username)})"
    if attribute != _UPN:
        return "(objectClass=*)"
    # NOTE: with this attribute a DN is taken for the first part of a UPN, as in the real engine.
    return f"({attribute}={escape_filter_chars(role.dn)}@{config.text('upndomain')})"


@contextlib.contextmanager
def _bound(config: Configuration) -> Iterator[ldap3.Connection]:
    """Connect to the first address that answers, and bind."""
    connection = _connect(config)
    lost = ""
    try:
        _bind(connection)
        yield connection
    except LDAPException:
        lost = _LOST
    finally:
        with contextlib.suppress(LDAPException, OSError):
            connection.unbind()
    if lost:
        raise DirectoryFailed(lost)


def _bind(connection: ldap3.Connection) -> None:
    try:
        # NOTE: False is a refusal; only trouble with the connection is an exception.
        told = None if connection.bind() else _result(connection.result)
    except LDAPException:
        told = _LOST
    if told:
        why = f"failed to bind with current password: 1 error occurred:\n\t* {told}\n\n"
        raise DirectoryFailed(why)


def _connect(config: Configuration) -> ldap3.Connection:
    errors = []
    for url in config.text("url").split(","):
        with _tls(config.text("certificate")) as tls:
            server = ldap3.Server(
                url,
                tls=tls,
                connect_timeout=config.number("connection_timeout"),
                get_info=ldap3.NONE,
            )
            connection = ldap3.Connection(
                server,
                user=_bind_name(config),
                # As bytes: ldap3 changes some texts on the way.
                password=config.text("bindpass").encode(),  # type: ignore[arg-type]
                authentication=ldap3.SIMPLE,
                receive_timeout=config.number("request_timeout"),
                auto_referrals=False,
            )
            try:
                connection.open()
            except (LDAPException, OSError) as problem:
                why = _network_error(str(problem), url)
                errors.append(f'error connecting to host "{url}": {why}')
            else:
                return connection
    counted = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    raise DirectoryFailed(f"{counted} occurred:" + "".join(f"\n\t* {e}" for e in errors) + "\n\n")


@contextlib.contextmanager
def _tls(certificate: str) -> Iterator[ldap3.Tls]:
    """Trust the configured CA only, or the machine's own trust store."""
    if not certificate:
        yield ldap3.Tls(validate=ssl.CERT_REQUIRED, valid_names=["localhost"])
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(certificate)
        file.flush()
        yield verified_tls(file.name)


def _bind_name(config: Configuration) -> str:
    domain = config.text("upndomain")
    return f"{config.text('binddn')}@{domain}" if domain else config.text("binddn")


def _network_error(text: str, url: str) -> str:
    address = url.removeprefix("ldaps://")
    if "certificate verify failed" in text:
        why = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    elif "refused" in text:
        why = f"dial tcp {address}: connect: connection refused"
    else:
        why = f"dial tcp {address}: i/o timeout"
    return f'LDAP Result Code 200 "Network Error": {why}'


def _demand_success(result: dict[str, Any]) -> None:
    if result["result"] != 0:
        raise DirectoryFailed(_result(result))


def _result(result: dict[str, Any]) -> str:
    """Word a result as Go's LDAP library does: invalidCredentials is "Invalid Credentials"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", result["description"])
    return (
        f'LDAP Result Code {result["result"]} "{words[:1].upper()}{words[1:]}": {result["message"]}'
    )
