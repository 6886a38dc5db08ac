"""Cleaning up by a prefix: what a search returns is deleted, so it is not believed blindly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.active_directory.accounts import users_by_prefix
from connectors.active_directory.users import delete_by_prefix
from connectors.active_directory.values import Entry

UNIT = "OU=Validation,DC=corp"


def _entry(dn: str, name: str) -> Entry:
    values = {"samaccountname": (name.encode(),), "useraccountcontrol": (b"512",)}
    return Entry(dn, values | {"objectclass": (b"top", b"user")})


@dataclass
class Careless:
    """A session whose search returns whatever it holds."""

    holds: list[Entry]
    deleted: list[str] = field(default_factory=list)

    def search(self, *_: Any) -> tuple[list[Entry], bool]:
        """Return everything, whatever was asked for."""
        return self.holds, True

    def read(self, dn: str, *_: Any) -> Entry:
        """Return one entry."""
        return next(entry for entry in self.holds if entry.dn == dn)

    def delete(self, dn: str, _operation: str) -> None:
        """Note what would be deleted."""
        self.deleted.append(dn)


STRANGERS = [
    _entry("CN=anna,OU=Validation,DC=corp", "anna"),
    _entry("CN=rot-1a2b-1,OU=Finance,DC=corp", "rot-1a2b-1"),
    _entry("CN=rot-1a2b-2,OU=Deeper,OU=Validation,DC=corp", "rot-1a2b-2"),
    _entry("CN=rot-1a2b-3,OU=Validation,DC=corp,DC=other", "rot-1a2b-3"),
    _entry("CN=x,OU=Validation,DC=corp", "x-rot-1a2b-4"),
]


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda entry: entry.dn)
def test_a_careless_search(stranger: Entry) -> None:
    """Of what a search returns only users of the prefix directly in the container are listed and deleted."""
    mine = _entry("CN=rot-1a2b-9,ou=validation,dc=CORP", "ROT-1a2b-9")
    session = Careless([stranger, mine])
    assert delete_by_prefix(session, UNIT, "rot-1a2b-") == (mine.dn,)  # type: ignore[arg-type]
    assert session.deleted == [mine.dn]
    listed = users_by_prefix(session, UNIT, "rot-1a2b-", "list")  # type: ignore[arg-type]
    assert [user.dn for user in listed] == [mine.dn]
