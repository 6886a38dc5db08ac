"""What a person and a program are shown."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from cli.doctor.model import Area, Check, NotLooked, Result, Wrong
from cli.doctor.plan import chosen
from cli.doctor.runner import run
from cli.doctor.show import Diagnosis, show
from cli.doctor.site import Choices, Site
from cli.exits import Exit
from tests.unit.cli.doctor.support import fine, made


def _diagnosed(*checks: Check) -> Diagnosis:
    run(checks, Site(Choices()))
    return Diagnosis(checks, 2.345)


def _shown(diagnosis: Diagnosis, width: int = 80, *, verbose: bool = False) -> str:
    out = io.StringIO()
    show(Console(file=out, width=width), diagnosis, verbose=verbose)
    return out.getvalue()


def _sealed(_site: Site) -> str:
    raise Wrong(
        "The node of Vault that answers is sealed, and whoever reads this has a narrow terminal.",
        "Unseal it with: vault operator unseal",
    )


def _absent(_site: Site) -> str:
    raise NotLooked("no variable INTAKE_... is set here")


def _broken() -> Diagnosis:
    sealed = made("vault.state", _sealed)
    return _diagnosed(
        made("configuration.inventory", fine),
        sealed,
        made("vault.sign-in", fine, needs=[sealed]),
        made("ledger.last-run", _sealed, subject="hq-ad", warns=True),
        made("intake.settings", _absent),
    )


def test_silent_when_healthy() -> None:
    """A healthy installation is one line."""
    found = _diagnosed(made("vault.state", fine), made("vault.token", fine))
    assert _shown(found) == "Healthy: 2 checks passed, in 2.3 s.\n"
    assert found.exit is Exit.OK


def test_fault_with_its_fix() -> None:
    """A fault says what is wrong, the fix, its id, and how much it hides; then how to look again."""
    found = _broken()
    text = _shown(found)
    assert text.splitlines()[0].startswith(
        "  ✗ The node of Vault that answers is sealed, and whoever"
    )
    assert "\nfix Unseal it with: vault operator unseal\n" in text
    assert "\n    vault.state; because of it 1 check not looked at\n" in text
    assert "\n    ledger.last-run (hq-ad)\n" in text
    assert "1 fault and 1 warning; 1 check passed, 2 not looked at, in 2.3 s." in text
    assert text.endswith("account-rotation doctor --only vault --only ledgers\n")
    assert found.exit is Exit.CHECK_FAILED


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("verbose", [False, True])
def test_fits(width: int, verbose: bool) -> None:
    """No line is longer than the terminal, or ends with spaces, at any width."""
    for line in _shown(_broken(), width, verbose=verbose).splitlines():
        assert len(line) <= width
        assert line == line.rstrip()


def test_verbose() -> None:
    """With --verbose every check is there with what it looked at, or why it was not."""
    text = _shown(_broken(), 120, verbose=True)
    assert "configuration\n  ✓ configuration.inventory" in text
    assert "not looked at: vault.state did not pass" in text
    assert "not looked at: no variable INTAKE_... is set here" in text


def test_several_of_a_kind() -> None:
    """Checks of one kind stand below what it wants to be so."""
    found = _diagnosed(
        *(made("ledger.person", fine, subject=name) for name in ("hq-ad", "hq-m365"))
    )
    text = _shown(found, verbose=True)
    assert "    ledger.person: ledger.person is right\n      ✓ hq-ad    fine\n" in text


def test_foreign_text_moves_nothing() -> None:
    """What another system said is shown without what moves the cursor, and as no markup."""

    def evil(_site: Site) -> str:
        raise Wrong("\x1b[2J[red]boo[/]", "\x07fix")

    text = _shown(_diagnosed(made("vault.state", evil)))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]boo[/]" in text


def test_json() -> None:
    """A program is told every check with its result, and what stands before those not looked at."""
    data = json.loads(json.dumps(_broken().as_data()))
    assert data["healthy"] is False
    assert data["counts"] == {"passed": 1, "warning": 1, "fault": 1, "not looked at": 2}
    by_id = {item["id"]: item for item in data["checks"]}
    assert by_id["vault.sign-in"]["because"] == "vault.state"
    assert by_id["vault.state"]["fix"] == "Unseal it with: vault operator unseal"
    assert by_id["ledger.last-run"]["subject"] == "hq-ad"
    assert by_id["ledger.last-run"]["area"] == "ledgers"


def test_only_warnings() -> None:
    """Warnings alone have an exit code of their own."""
    found = _diagnosed(made("vault.token", _sealed, warns=True))
    assert found.exit is Exit.WARNING_FOUND
    assert [it.kind.id for it, _ in found.of(Result.WARNING)] == ["vault.token"]


def test_one_area_with_what_it_needs() -> None:
    """An area is chosen with what its checks need and come after, in the order of the whole."""
    first = made("configuration.inventory", fine)
    policy = made("vault.capabilities", fine)
    other = made("tenant.known", fine)
    row = made("console.row", fine, needs=[first], after=[policy])
    everything = [first, policy, other, row]
    assert chosen(everything, [Area.CONSOLES]) == [first, policy, row]
    assert chosen(everything, []) == everything
