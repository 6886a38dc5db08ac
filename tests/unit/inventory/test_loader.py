"""Every kind of mistake in a field is found, with its line and its fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory.loader import load
from inventory.models import Inventory, Mode, RotatedBy
from inventory.problems import InventoryProblems
from inventory.wiring import bridge_settings, directory_settings, tenant_settings
from tests.unit.inventory.conftest import EXAMPLE

AD = "services[hq].connections[hq-ad]"
M365 = "services[hq].connections[hq-m365]"


def test_loads_the_example() -> None:
    """The example inventory is valid, and its values arrive in the models."""
    inventory = load(EXAMPLE)

    first, second = inventory.service("hq").connections
    assert isinstance(inventory, Inventory)
    assert (first.mode, second.mode) == (Mode.ALTERNATE, Mode.IN_PLACE)
    assert inventory.service("branch").connections[0].rotated_by is RotatedBy.VAULT
    assert inventory.service("branch").connections[0].accounts[0].username == r"BRANCH\svc-cayosoft"
    assert str(first.secret.handle) == "kv/cayosoft/hq-ad#latest"


def test_example_fits_the_connectors() -> None:
    """What the loader accepts, the connectors accept as settings."""
    inventory = load(EXAMPLE)

    assert [directory_settings(item).domain for item in inventory.directories] == [
        "corp.example.com",
        "branch.example.com",
    ]
    assert tenant_settings(inventory.tenants[0]).domain == "contoso.example"
    assert bridge_settings(inventory.services[0]).url.startswith("https://cayosoft-hq")


# What is changed in the example (old, new), and what must be said: text of the line, field, message, fix.
MISTAKES: dict[str, tuple[str, str, str, str, str, str]] = {
    "unknown field": (
        "driver: operator", "driver: operator\n      colour: green",
        "colour: green", "services[branch].console.colour", "is not a known field", "known are driver",
    ),
    "misspelt field": (
        "rotated_by: vault", "rotatedBy: vault",
        "rotatedBy: vault", "services[branch].connections[branch-ad].rotatedBy",
        "is not a known field", "Did you mean rotated_by?",
    ),
    "missing field": (
        "        directory: branch\n", "",
        "- name: branch-ad", "services[branch].connections[branch-ad].directory", "is missing",
        "Add directory",
    ),
    "missing secret path": (
        "          path: cayosoft/hq-m365\n", "          mount: kv\n",
        "secret:", f"{M365}.secret.path", "is missing", "Add path",
    ),
    "missing secret": (
        "        secret:\n          path: cayosoft/hq-m365\n", "",
        "- name: hq-m365", f"{M365}.secret", "is missing", "path of the secret in Vault",
    ),
    "no value": (
        "row: contoso.example", "row:", "row:", f"{M365}.row", "has no value", "Give it one",
    ),
    "number for text": (
        "row: contoso.example", "row: 365", "row: 365", f"{M365}.row", "must be a text", "in quotes",
    ),
    "text for number": (
        "reserve: 2", "reserve: two",
        "sign_ins_kept_in_reserve: two", "directories[corp].sign_ins_kept_in_reserve",
        "must be a whole number", "digits",
    ),
    "number too low": (
        "reserve: 2", "reserve: 0",
        "sign_ins_kept_in_reserve: 0", "directories[corp].sign_ins_kept_in_reserve",
        "must be at least 1", "Raise it",
    ),
    "text for truth": (
        "authentication: false", "authentication: maybe",
        "pass_through_authentication: maybe", "tenants[contoso].pass_through_authentication",
        "must be true or false", "Write true or false",
    ),
    "text for list": (
        "        required_roles:\n          - Global Administrator", "        required_roles: Admin",
        "required_roles: Admin", f"{M365}.required_roles", "must be a list", "dash",
    ),
    "no role in a list": (
        "          - Global Administrator", "          - []",
        "- []", f"{M365}.required_roles[0]", "has too few entries", "at least 1",
    ),
    "who validates": (
        "validation: product", "validation: nobody",
        "validation: nobody", f"{AD}.validation", "must be 'product', 'account' or 'both'", "one of these",
    ),
    "text for block": (
        "        consent:\n", "        consent: x\n        more:\n",
        "consent: x", f"{M365}.consent", "must be a block of fields", "manifest, policy",
    ),
    "no GUID": (
        "6f0c2f0e-58d5-4c1b-9a5a-0d6f4f1f2a31", "contoso",
        "tenant_id: contoso", "tenants[contoso].tenant_id", "is no GUID", "Entra admin centre",
    ),
    "name with blanks": (
        "  - name: branch\n    console", "  - name: Branch Office\n    console",
        "- name: Branch Office", "services[1].name", "is no name", "lower-case",
    ),
    "word not offered": (
        "driver: operator", "driver: robot", "driver: robot",
        "services[branch].console.driver", "must be 'bridge' or 'operator'", "one of these",
    ),
    "wrong version": ("version: 1", "version: 2", "version: 2", "version", "must be 1", "exactly"),
    "rotated by both": (
        "rotated_by: vault", "rotated_by: both",
        "rotated_by: both", "services[branch].connections[branch-ad].rotated_by",
        "must be vault or orchestrator, never both", "the one party",
    ),
    "rotated by a list": (
        "rotated_by: vault", "rotated_by: [vault, orchestrator]",
        "rotated_by: [vault, orchestrator]", "services[branch].connections[branch-ad].rotated_by",
        "must be vault or orchestrator, never both", "the one party",
    ),
    "field given twice": (
        "        row: contoso.example\n", "        row: contoso.example\n        row: other.example\n",
        "row: other.example", f"{M365}.row", "given twice", "Keep one",
    ),
    "unknown extension": (
        "extension: microsoft_365", "extension: exchange",
        "extension: exchange", f"{M365}.extension", "must be active_directory or microsoft_365",
        "Write active_directory or microsoft_365",
    ),
    "missing extension": (
        "        extension: microsoft_365\n", "",
        "- name: hq-m365", f"{M365}.extension", "is missing", "microsoft_365",
    ),
    "field of the other extension": (
        "        tenant: contoso\n", "        tenant: contoso\n        directory: corp\n",
        "directory: corp", f"{M365}.directory", "belongs to active_directory connections", "Remove it",
    ),
    "too many accounts": (
        "-b@corp.example.com\n", "-b@corp.example.com\n          - username: third@corp.example.com\n",
        "accounts:", f"{AD}.accounts", "more than two accounts", "Keep one",
    ),
    "no account": (
        "        accounts:\n          - username: svc-cayosoft-hq@contoso.example\n",
        "        accounts: []\n",
        "accounts: []", f"{M365}.accounts", "has too few entries", "at least 1",
    ),
    "YAML tag": (
        "row: contoso.example", "row: !env ROW", "row: !env ROW", f"{M365}.row", "YAML tag", "Remove",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_finds(name: str, broken: Callable[..., list[tuple[str, str, str, str]]]) -> None:
    """One mistake in the example is found once, at its line and field, with message and fix."""
    old, new, line, field, message, fix = MISTAKES[name]

    found = [mistake for mistake in broken(old, new) if mistake[1] == field]

    assert len(found) == 1
    assert found[0][0].partition("  #")[0].partition(" #")[0] == line
    assert message in found[0][2]
    assert fix in found[0][3]


CAUSES_MORE = {"text for block", "rotated by a list"}


@pytest.mark.parametrize("name", sorted(MISTAKES.keys() - CAUSES_MORE))
def test_finds_nothing_else(name: str, broken: Callable[..., list[Any]]) -> None:
    """One mistake is told once, and not again in other words."""
    old, new, *_ = MISTAKES[name]

    assert len(broken(old, new)) == 1


def test_finds_all_at_once(example: str, mistakes: Callable[[str], tuple[Any, ...]]) -> None:
    """Mistakes of fields, of rules and of YAML are all told in one go, in the order of the lines."""
    text = (
        example.replace("version: 1", "version: 7")
        .replace("ldaps://dc2", "ldap://dc2")
        .replace("directory: branch", "directory: brunch")
        .replace("row: contoso.example", "row: a\n        row: b")
        .replace("mode: alternate", "mode: alternating")
    )

    found = mistakes(text)

    assert [problem.message.split()[0] for problem in found] == [
        "must", "would", "must", "the", "brunch",
    ]  # fmt: skip
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)


def test_knows_a_missing_file(tmp_path: Path) -> None:
    """A file that is not there is a mistake like any other."""
    with pytest.raises(InventoryProblems) as refused:
        load(tmp_path / "nothing.yaml")

    assert refused.value.problems[0].message == "the file cannot be read"
    assert refused.value.__context__ is None


SECRETS = {
    "unknown field": ("driver: operator", "driver: operator\n      password: {}"),
    "unknown field with a dash": ("driver: operator", "driver: operator\n      client-secret: {}"),
    "below an unknown field": (
        "driver: operator",
        "driver: operator\n      auth: {{password: {}}}",
    ),
    "number": ("driver: operator", "driver: operator\n      pin: 12{}"),
    "list": ("driver: operator", "driver: operator\n      tokens: [{}]"),
    "place of a secret": (
        "        secret:\n          path: cayosoft/hq-m365\n",
        "        secret: {}\n",
    ),
    "no blank after the colon": (
        "driver: operator",
        "driver: operator\n      ? password:{}\n      : 1",
    ),
    "address": ("https://cayosoft-hq", "https://admin:{}@cayosoft-hq"),
    "directory address": ("ldaps://dc2", "ldaps://admin:{}@dc2"),
    "reference": ("        directory: branch", "        directory: pass {}"),
    "name": ("name: hq-m365", "name: pass {}"),
    "alias": ("driver: operator", "driver: operator\n      password: *{}"),
    "tag": ("driver: operator", "driver: operator\n      password: !{} x"),
    "guid": ("client_id: 1b7e9a52-3f64-4d0c-8c3e-7a90d1c2e4b5", "client_id: {}"),
    "word not offered": ("rotated_by: vault", "rotated_by: {}"),
    "version": ("version: 1", "version: {}"),
    "unclosed quote": ("driver: operator", "driver: operator\n      password: '{}"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_never_repeats_a_value(
    name: str, example: str, tmp_path: Path, new_password: Callable[[], str]
) -> None:
    """A secret that was written into the file is refused, and appears in no text of the refusal."""
    canary = new_password()[4:].replace("-", "x").replace("_", "x")
    old, new = SECRETS[name]
    file = tmp_path / "inventory.yaml"
    file.write_text(example.replace(old, new.format(canary)))

    with pytest.raises(InventoryProblems) as refused:
        load(file)

    texts = [str(refused.value), repr(refused.value.problems), refused.value.what_to_do()]
    assert [text for text in texts if canary.casefold() in text.casefold()] == []


@pytest.mark.parametrize("name", ["unknown field", "unknown field with a dash", "list", "number"])
def test_says_that_a_secret_leaked(
    name: str, broken: Callable[..., list[tuple[str, str, str, str]]]
) -> None:
    """Who wrote a secret into the file is told to change it, not only to remove it."""
    old, new = SECRETS[name]

    (mistake,) = broken(old, new.format("example"))

    assert "a secret's value" in mistake[2]
    assert "change that secret" in mistake[3]
