"""Consent is given for the connection account only: nothing here can send the organization's."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.models import PermissionRequest
from connectors.errors import InvalidInput
from connectors.protocols import ConsoleDriver
from sandbox.world import World
from tests.running import Update

ROOT = Path(__file__).parents[2]
PRODUCT = sorted(
    path
    for room in ("connectors", "inventory", "report", "tasks", "flows", "intake", "cli")
    for path in (ROOT / room).rglob("*.py")
)
NAMES = {"on_behalf_of_organization", "onBehalfOfOrganization"}


def _given(path: Path) -> list[tuple[str, int]]:
    """Return every value that a file gives to the checkbox, and where: as argument, member or default."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        values: list[ast.expr | None] = []
        if isinstance(node, ast.keyword) and node.arg in NAMES:
            values = [node.value]
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            values = [v for k, v in pairs if isinstance(k, ast.Constant) and k.value in NAMES]
        elif isinstance(node, ast.arguments):
            both = zip(node.kwonlyargs, node.kw_defaults, strict=True)
            values = [default for name, default in both if name.arg in NAMES and default]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            values = [
                node.value for t in targets if getattr(t, "id", getattr(t, "attr", "")) in NAMES
            ]
        found += [(ast.unparse(value), value.lineno) for value in values if value is not None]
    return found


def test_the_box_is_given_false_wherever_it_is_given() -> None:
    """No file of the product gives the checkbox any value but the literal False."""
    given = {(path.name, line): value for path in PRODUCT for value, line in _given(path)}

    assert given, "the search finds the places where it is given"
    assert set(given.values()) <= {"False", "Literal[False]"}


def _consent_types(path: Path) -> set[str]:
    """Return what a file writes as ``consentType`` of a grant."""
    return {
        ast.unparse(value)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "consentType"
    }


def _names(path: Path) -> set[str]:
    """Return every name that a file uses, imports or calls as an attribute."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name.rpartition(".")[2])
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").rpartition(".")[2])
    return found


def test_no_grant_for_everybody_is_ever_written() -> None:
    """A new grant says Principal, literally; only putting a snapshot back can say anything else."""
    written = {path.name: types for path in PRODUCT if (types := _consent_types(path))}

    assert written.pop("remediator.py") == {"'Principal'"}
    assert set(written) == {"restoring.py"}
    creating = {path.name for path in PRODUCT if "CREATE_GRANT" in _names(path)}
    assert creating == {"endpoints.py", "remediator.py", "restoring.py"}


def test_no_run_puts_a_grant_for_everybody_back() -> None:
    """Putting a snapshot back is a person's command: no flow, task or intake can reach it."""
    reaching = {path for path in PRODUCT if "put_back" in _names(path)}
    calling = {path for path in PRODUCT if "restore_consent" in _names(path)}

    assert {path.name for path in reaching} == {"remediator.py"}
    assert {path.parent.name for path in calling} <= {"cli"}


@pytest.mark.services("hq", "branch")
@pytest.mark.prefect
def test_what_the_console_is_asked_for_is_personal(world: World, update: Update) -> None:
    """An update accepts the permission request, and brings about no grant for everybody."""
    before = _for_everybody(world, "south")

    update("branch")

    assert before > 0, "the tenant of branch has such a grant from long ago"
    assert _for_everybody(world, "south") == before
    assert world.tenants["south"].calls("consent.accept")


def _for_everybody(world: World, tenant: str) -> int:
    """Count the grants of a tenant that hold for everybody."""
    return str(world.tenants[tenant].state()).count("AllPrincipals")


@pytest.mark.parametrize("yes", [True, 1, "false", "no", None])
def test_whoever_asks_for_it_is_refused(yes: object) -> None:
    """The driver refuses any value but False before anything is sent."""
    driver: ConsoleDriver = BridgeConsole.__new__(BridgeConsole)  # no session: nothing can be sent

    with pytest.raises(InvalidInput):
        driver.accept_permissions(
            _request(),
            on_behalf_of_organization=yes,
            idempotency_key="k",  # type: ignore[arg-type]
        )


def _request() -> PermissionRequest:
    return PermissionRequest.__new__(PermissionRequest)
