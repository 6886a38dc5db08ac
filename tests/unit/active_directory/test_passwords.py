"""Passwords: what is sent, what each refusal advises, and random ones that every policy takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.active_directory import passwords, users
from connectors.active_directory.errors import from_result
from connectors.errors import (
    InvalidInput,
    NotFound,
    NotPermitted,
    PolicyRefused,
    Refused,
    RotationError,
    Unknown,
)
from connectors.models import Credential, SecretHandle
from connectors.secret import Secret

DN = "CN=svc,OU=Service Accounts,DC=corp"
WHERE = "ldaps://dc1"


@dataclass
class Session:
    """A session that keeps what it is asked to replace, or refuses it."""

    refusal: RotationError | None = None
    replaced: list[tuple[str, bytes]] = field(default_factory=list)
    where: str = WHERE

    def replace(self, dn: str, values: Any, operation: str) -> None:
        """Keep it, or raise."""
        ((attribute, (value,)),) = values.items()
        assert attribute == "unicodePwd"
        self.replaced.append((dn, value))
        if self.refusal:
            raise self.refusal


def answer(code: int, message: str = "") -> RotationError:
    """Return what a controller's answer means."""
    return from_result(code, message, "set password", changes=True, dn=DN, controller=WHERE)


def reset(session: Session, password: Secret | None) -> None:
    """Set it as the setter."""
    passwords.reset(session, DN, password, "set password", setter="setter@corp")  # type: ignore[arg-type]


def test_one_request():
    """The password travels once, quoted and as UTF-16, and nothing else is changed with it."""
    session = Session()

    reset(session, Secret('a"Ж'))

    assert session.replaced == [(DN, '"a"Ж"'.encode("utf-16-le"))]


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (answer(19, "0000052D: "), PolicyRefused),
        (answer(53, "0000052D: "), PolicyRefused),
        (answer(50), NotPermitted),
        (answer(53, "00002098: "), NotPermitted),
        (answer(53), Refused),
        (answer(32), NotFound),
        (answer(80), Unknown),
    ],
)
def test_refusals(refusal: RotationError, kind: type[RotationError]):
    """Every refusal keeps its kind and its identifiers, and carries nothing of the request."""
    with pytest.raises(kind) as caught:
        reset(Session(refusal), Secret("s"))

    assert type(caught.value) is kind
    assert refusal.identifiers.items() <= caught.value.identifiers.items()
    assert caught.value.__context__ is None


def test_advice_of_a_policy():
    """A refused secret asks for another policy; a refused random one, which needs none of Vault's, does not."""
    advice = []
    for password in (Secret("s"), None):
        with pytest.raises(PolicyRefused) as caught:
            reset(Session(answer(19, "0000052D: ")), password)
        advice.append(caught.value.what_to_do())

    assert all(f'Get-ADUserResultantPasswordPolicy -Identity "{DN}"' in told for told in advice)
    assert ["vault write sys/policies/password" in told for told in advice] == [True, False]


def test_advice_of_a_missing_right():
    """Who lacks the right is named, with the command that gives it."""
    with pytest.raises(NotPermitted) as caught:
        reset(Session(answer(50)), None)

    assert (
        'dsacls "OU=Service Accounts,DC=corp" /I:S /G "setter@corp:CA;Reset Password;user"'
        in caught.value.what_to_do()
    )
    assert caught.value.identifiers["setter"] == "setter@corp"


def test_empty():
    """An empty password is refused here: a domain without a policy would take it."""
    with pytest.raises(InvalidInput) as caught:
        passwords.usable(Credential(SecretHandle("kv", "svc", 3), "svc", Secret("")))

    assert "kv/svc#3" in caught.value.what_to_do()


def test_random_ones():
    """Random passwords are long, never the same, of every kind, and hold no name of three signs."""
    made = [users._unkept_password().reveal() for _ in range(200)]

    assert len(set(made)) == 200
    for password in made:
        assert len(password) >= 60
        assert all(
            re.search(kind, password) for kind in ("[A-Z]", "[a-z]", "[0-9]", "[^A-Za-z0-9]")
        )
        assert not re.search("[^,]{3}", password)
