"""Settings of a directory: refused with the field and the fix, before anything is connected."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.active_directory.settings import DirectorySettings, endpoint
from connectors.errors import InvalidInput
from connectors.models import SecretHandle


def settings(**changes: Any) -> DirectorySettings:
    """Return good settings with some fields changed."""
    good: dict[str, Any] = {
        "name": "corp",
        "base_dn": "DC=corp,DC=example,DC=test",
        "controllers": ("ldaps://dc1.corp.example.test",),
        "reader": SecretHandle("kv", "reader"),
    }
    return DirectorySettings(**(good | changes))


def test_plain_ldap():
    """A URL without TLS is refused, naming the field and the URL to write instead."""
    with pytest.raises(InvalidInput) as caught:
        settings(controllers=("ldaps://dc1", "ldap://dc2:389"))

    assert caught.value.identifiers["field"] == "controllers"
    assert "ldaps://" in caught.value.what_to_do()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("controllers", ()),
        ("controllers", ("https://dc1",)),
        ("controllers", ("ldaps://",)),
        ("controllers", ("ldaps://dc1/DC=corp",)),
        ("controllers", ("ldaps://user@dc1",)),
        ("controllers", ("ldaps://dc1:port",)),
        ("controllers", ("ldaps://dc1:99999",)),
        ("base_dn", ""),
        ("base_dn", "corp.example.test"),
        ("base_dn", "OU=Users"),
        ("base_dn", "<GUID=7b95f0d5-a3ed-486c-919c-077b8c9731f2>"),
        ("tls_names", ("*",)),
        ("tls_names", ("*.corp.example.test",)),
        ("tls_names", ("",)),
        ("connect_timeout", 0),
        ("receive_timeout", 1.5),
        ("reserve", -1),
    ],
)
def test_refused(field: str, value: object):
    """Every bad value is refused by the name of its field, with advice."""
    with pytest.raises(InvalidInput) as caught:
        settings(**{field: value})

    assert field == caught.value.identifiers["field"]
    assert caught.value.advice


def test_domain():
    """The DNS name is what the DC components of the base spell."""
    assert settings(base_dn="dc=Corp, DC=example,DC=test").domain == "corp.example.test"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ldaps://dc1", ("dc1", 636)),
        ("ldaps://dc1:3269/", ("dc1", 3269)),
        ("ldaps://[::1]:10636", ("::1", 10636)),
    ],
)
def test_endpoint(url: str, expected: tuple[str, int]):
    """Host and port come from the URL; 636 is the port unless told."""
    assert expected == endpoint(url)
