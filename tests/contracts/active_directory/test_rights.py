"""Predicted rights are what happens when one tries."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.active_directory.delegation import delegation_advice
from connectors.active_directory.models import VALIDATION_RIGHTS, DirectoryUser, Right
from connectors.errors import InvalidInput, NotFound, NotPermitted
from connectors.models import Presence, SecretHandle
from tests.contracts.active_directory.lab import DELEGATIONS, ELSEWHERE, VALIDATION, Lab

CASES = [
    *((name, VALIDATION) for name in (*DELEGATIONS, "Administrator")),
    *((name, ELSEWHERE) for name in ("svc-full", "svc-none", "Administrator")),
]


def happens(attempt: Callable[[], object]) -> bool:
    """Return whether the directory lets it happen."""
    try:
        attempt()
    except NotPermitted:
        return False
    return True


def try_all(lab: Lab, account: SecretHandle, container: str) -> dict[Right, bool]:
    """Really do what each right is for, on a user that an administrator made; clean up."""
    client, admin = lab.client, lab.handle("Administrator")
    subject: DirectoryUser = client.create_user(admin, container, "subject-1")
    try:
        return {
            Right.CREATE_USER: happens(lambda: client.create_user(account, container, "subject-2")),
            Right.RESET_PASSWORD: happens(lambda: client.reset_password(account, subject.dn)),
            Right.WRITE_ATTRIBUTES: happens(
                lambda: client.modify_user(account, subject.dn, {"description": "tried"})
            ),
            Right.DELETE_USER: happens(lambda: client.delete_user(account, subject.dn)),
        }
    finally:
        client.delete_test_users(admin, container, "subject-")


@pytest.mark.parametrize(("username", "container"), CASES)
def test_prediction_comes_true(lab: Lab, username: str, container: str):
    """For every account and container, each right is predicted and then behaves as predicted."""
    account, place = lab.handle(username), lab.dn(container)

    predicted = {
        check.right: check.presence is Presence.PRESENT
        for check in lab.client.rights(account, place)
    }

    assert try_all(lab, account, place) == predicted


@pytest.mark.parametrize("username", DELEGATIONS)
def test_delegations_are_told(lab: Lab, username: str):
    """What was delegated is present, what was not is missing, nothing is untold; each says how."""
    checks = lab.client.rights(lab.handle(username), lab.dn(VALIDATION))

    assert {check.right: check.presence for check in checks} == {
        right: Presence.PRESENT if right in DELEGATIONS[username] else Presence.MISSING
        for right in VALIDATION_RIGHTS
    }
    assert all(check.how and username in delegation_advice(check) for check in checks)


def test_modifies_nothing(lab: Lab):
    """Predicting leaves the container empty."""
    lab.client.rights(lab.handle("svc-full"), lab.dn(VALIDATION))

    assert (
        lab.client.delete_test_users(lab.handle("Administrator"), lab.dn(VALIDATION), "svc-") == ()
    )


def test_no_container(lab: Lab):
    """A container that is not there is NotFound; one outside the directory is not asked about."""
    account = lab.handle("svc-full")

    with pytest.raises(NotFound):
        lab.client.rights(account, lab.dn("OU=Nowhere"))
    with pytest.raises(InvalidInput):
        lab.client.rights(account, "OU=Validation,DC=other,DC=test")


def test_class_default(lab: Lab):
    """Rights that new users give by their class's default, here to Account Operators, are seen too."""
    account, place = lab.handle("svc-operator"), lab.dn(VALIDATION)
    operators = f"CN=Account Operators,CN=Builtin,{lab.settings.base_dn}"
    if lab.kind != "samba":
        pytest.skip("stand-in: it has no Account Operators")
    with lab.as_administrator() as session:
        member = lab.client.account_state("svc-operator").dn.encode()
        session.replace(operators, {"member": [member]}, "set scene")

    predicted = {c.right: c.presence is Presence.PRESENT for c in lab.client.rights(account, place)}

    assert all(predicted.values())
    assert try_all(lab, account, place) == predicted
