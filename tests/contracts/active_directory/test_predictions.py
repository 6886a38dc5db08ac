"""For every differently delegated account, each right is predicted, then really tried: both must agree."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.active_directory.delegation import delegation_advice
from connectors.active_directory.models import Right, RightCheck
from connectors.models import Presence
from sandbox import delegation
from tests.contracts.active_directory import delegated, trying
from tests.contracts.active_directory.delegated import CASES
from tests.contracts.active_directory.lab import Lab

Password = Callable[[], str]
TOLD = [name for name in CASES if name not in ("dark", "advised")]
counted: dict[str, Counter[Presence]] = {}


def places_of(lab: Lab, name: str) -> tuple[str, str, list[str]]:
    """Return the validation container of a case, its managed base, and where that base's rights are tried."""
    unit = lab.dn(delegated.unit(name))
    if CASES[name].whole_domain:
        return unit, lab.settings.base_dn, [unit]
    return unit, unit, [unit, f"OU=Below,{unit}"]


def predicted(lab: Lab, name: str) -> tuple[RightCheck, ...]:
    """Return all that is predicted for the account of a case."""
    unit, base, _ = places_of(lab, name)
    return lab.client.rights(lab.handle(delegated.account(name)), unit, managed=(base,))


def happening(lab: Lab, name: str, new_password: Password) -> dict[tuple[bool, Right], bool]:
    """Try all of it; a documented right must hold in every place that the prediction stands for."""
    unit, _, places = places_of(lab, name)
    who = delegated.account(name)
    needed = trying.needed(lab, who, unit, new_password())
    tried = [trying.documented(lab, who, place, new_password()) for place in places]
    found = {(False, right): happened for right, happened in needed.items()}
    found |= {(True, right): all(one[right] for one in tried) for right in tried[0]}
    return found


def told(checks: Sequence[RightCheck]) -> dict[tuple[bool, Right], bool]:
    """Return what was told; what could not be told has no place here, so that it can match nothing."""
    return {
        (check.managed, check.right): check.presence is Presence.PRESENT
        for check in checks
        if check.presence is not Presence.UNTOLD
    }


@pytest.mark.parametrize("name", TOLD)
def test_every_right(lab: Lab, name: str, new_password: Password):
    """All four rights of validation and all documented ones are told, and are what then happens."""
    checks = predicted(lab, name)
    counted.setdefault(lab.kind, Counter()).update(check.presence for check in checks)

    assert happening(lab, name, new_password) == told(checks)


def test_cases_differ(lab: Lab):
    """The cases are no repetition: eight and more answers differ, and nearly every right is seen both ways."""
    answers = [told(predicted(lab, name)) for name in TOLD]
    both = {right: {answer[right] for answer in answers} for right in answers[0]}
    readable_by_all = {(True, Right.READ_EVERYTHING), (True, Right.READ_USER)}

    assert len({tuple(answer.items()) for answer in answers}) >= 8
    assert {right for right, seen in both.items() if seen != {True, False}} <= readable_by_all


def test_told(lab: Lab, capsys: pytest.CaptureFixture[str]):
    """How many answers were told is printed, and none of those that were tried was left untold."""
    if lab.kind not in counted:
        pytest.skip("the predictions were not asked for")
    presences = counted[lab.kind]
    with capsys.disabled():
        said = ", ".join(f"{presences[presence]} {presence.value}" for presence in Presence)
        sys.stdout.write(f"\n{lab.kind}: predicted and tried: {said}\n")

    assert presences[Presence.UNTOLD] == 0
    assert presences[Presence.PRESENT] > 0 < presences[Presence.MISSING]


def test_administrator(lab: Lab, new_password: Password):
    """A domain administrator, which the vendor recommends, has every right, and everything happens."""
    unit = lab.dn(delegated.unit("nothing"))
    base = lab.settings.base_dn
    checks = lab.client.rights(lab.handle("Administrator"), unit, managed=(base, unit))
    tried = trying.documented(lab, "Administrator", unit, new_password())

    assert {check.presence for check in checks} == {Presence.PRESENT}
    assert set(tried.values()) == {True}


def test_dark(lab: Lab, new_password: Password):
    """Where the descriptor may not be read all is untold, but for what the directory itself lists."""
    checks = predicted(lab, "dark")

    assert {check.presence for check in checks} == {Presence.UNTOLD}
    assert all("could not be read" in check.how for check in checks)


def test_unseen_base(lab: Lab):
    """A managed base that is not there stops nothing: its rights are untold."""
    unit = lab.dn(delegated.unit("nested"))
    nowhere = lab.dn("OU=Nowhere")
    checks = lab.client.rights(lab.handle("svc-d-nested"), unit, managed=(nowhere,))

    assert {check.presence for check in checks if check.managed} == {Presence.UNTOLD}
    assert {check.presence for check in checks if not check.managed} == {Presence.PRESENT}


_CLASSES = {
    "user": delegation.USER,
    "contact": delegation.CONTACT,
    "group": delegation.GROUP,
    "computer": delegation.COMPUTER,
}
_THINGS = {
    "": "", **_CLASSES, "Reset Password": delegation.RESET, "pwdLastSet": delegation.PWD_LAST_SET,
    "member": delegation.MEMBER,
}  # fmt: skip


def as_sddl(command: str) -> str:
    """Read a dsacls command as Microsoft documents it: /I:T is the object and below, /I:S only below."""
    found = re.fullmatch(
        r'dsacls "[^"]+" /I:([ST]) /G "[^":]+:([A-Z]+);?([^;"]*);?([^;"]*)"', command
    )
    assert found, command
    flags, thing = {"T": "CI", "S": "CIIO"}[found[1]], _THINGS[found[3]]
    rights = found[2].replace("CA", "CR")
    kind = "OA" if thing or found[4] else "A"
    return f"({kind};{flags};{rights};{thing};{_CLASSES.get(found[4], '')};{{sid}})"


def test_advice(lab: Lab, new_password: Password):
    """The advised commands, carried out, give every right that lacks, also around denials."""
    lost = [check for check in predicted(lab, "advised") if check.presence is Presence.MISSING]
    denied = {check.denial.trustee for check in lost if check.denial}
    sddl = "".join(dict.fromkeys(as_sddl(delegation_advice(check)) for check in lost))
    place: dict[str, Any] = {"container": delegated.unit("advised"), "trustee": "svc-d-advised"}
    lab.standin.do("add_entries", sddl=sddl, **place)

    assert {"Everyone", "svc-d-advised@corp.example.test"} == denied
    assert {check.presence for check in predicted(lab, "advised")} == {Presence.PRESENT}
    assert set(happening(lab, "advised", new_password).values()) == {True}
