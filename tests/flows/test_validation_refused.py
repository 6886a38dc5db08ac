"""A validation that the directory refuses: the report names the right that lacks, and how it is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.active_directory.models import Right
from report.markdown import plain
from sandbox.delegation import GROUP, RESET, USER
from sandbox.demo import test_users as leftover_users
from sandbox.people import BASE_DN
from sandbox.world import World, running
from tests.running import Server, Update

pytestmark = pytest.mark.prefect

PUBLIC_INFORMATION = "e48d0154-bcf8-11d1-8702-00c04fb96050"
ACCOUNT = "svc-cayo-hq"
CREATE, DELETE = f"(OA;CI;CC;{USER};;{{sid}})", f"(OA;CI;DC;{USER};;{{sid}})"
SET, WRITE = (
    f"(OA;CIIO;CR;{RESET};{USER};{{sid}})",
    f"(OA;CIIO;RPWP;;{USER};{{sid}})",
)
ALL = CREATE + DELETE + SET + WRITE


@dataclass(frozen=True)
class Broken:
    """A set-up in which validation fails: entries of the unit, of the one above it, and whose they are."""

    failed: str
    right: Right
    says: str  # in the report: who is denied, or the command
    entries: str = ""
    above: str = ""
    trustee: str = ACCOUNT
    denied: str = ""
    denied_to: str = ACCOUNT
    blocks: bool = False


SET_UPS = {
    "no create": Broken("V1", Right.CREATE_USER, ":CC;user", DELETE + SET + WRITE),
    "no reset": Broken("V2", Right.RESET_PASSWORD, ":CA;Reset Password;user", CREATE + DELETE + WRITE),
    "no write": Broken("V3", Right.WRITE_ATTRIBUTES, ":RPWP;;user", CREATE + DELETE + SET),
    "no delete": Broken("V4", Right.DELETE_USER, ":DC;user", CREATE + SET + WRITE),
    "reset denied to a group": Broken(
        "V2", Right.RESET_PASSWORD, "denies it to Helpers", ALL,
        denied=f"(OD;CIIO;CR;{RESET};{USER};{{sid}})", denied_to="Helpers",
    ),
    "a property set denied": Broken(
        "V3", Right.WRITE_ATTRIBUTES, f"denies it to {ACCOUNT}@", ALL,
        denied=f"(OD;CIIO;WP;{PUBLIC_INFORMATION};{USER};{{sid}})",
    ),
    "deleting children denied": Broken(
        "V4", Right.DELETE_USER, ":SD;;user", ALL, denied="(D;;DC;;;WD)",
    ),
    "create only below": Broken(
        "V1", Right.CREATE_USER, ":CC;user", ALL.replace("(OA;CI;CC", "(OA;CIIO;CC"),
    ),
    "reset of another class": Broken(
        "V2", Right.RESET_PASSWORD, ":CA;Reset Password;user",
        ALL.replace(f"{RESET};{USER}", f"{RESET};{GROUP}"),
    ),
    "not in the nested group": Broken("V1", Right.CREATE_USER, ":CC;user", ALL, trustee="Outer"),
    "inheritance blocked": Broken("V1", Right.CREATE_USER, ":CC;user", above=ALL, blocks=True),
}  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start one sandbox for all set-ups, each of which has a validation unit of its own."""
    folder: Path = tmp_path_factory.mktemp("refused") / "sandbox"
    with running(folder, services=("hq",)) as world:
        for name, members in (("Helpers", [ACCOUNT]), ("Inner", []), ("Outer", ["Inner"])):
            world.directory.do("add_group", name=name, members=members)
        yield world


@pytest.fixture
def world(shared: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Point the product at the sandbox, and put the inventory back afterwards."""
    for name, value in shared.environment.items():
        monkeypatch.setenv(name, value)
    text = shared.inventory_file.read_text()
    yield shared
    shared.inventory_file.write_text(text)


def validate_in(world: World, unit: str) -> None:
    """Let the inventory name another validation unit."""
    text, place = world.inventory_file.read_text(), world.service("hq").validation_ou
    assert place in text
    world.inventory_file.write_text(text.replace(place, f"{unit},{BASE_DN}"))


def set_up(world: World, name: str, broken: Broken) -> None:
    """Make the unit with its permissions, and let the inventory name it."""
    above, do = f"OU=Above {name}", world.directory.do
    unit = f"OU={name},{above}"
    for made in (above, unit):
        do("add_organizational_unit", name=made)
    do("add_entries", container=above, sddl=broken.above, trustee=broken.trustee)
    do(
        "add_entries",
        container=unit,
        sddl=broken.entries,
        trustee=broken.trustee,
        protect=broken.blocks,
    )
    do("add_entries", container=unit, sddl=broken.denied, trustee=broken.denied_to)
    validate_in(world, unit)


@pytest.mark.parametrize("name", SET_UPS)
def test_right_is_named(world: World, update: Update, prefect_api: Server, name: str) -> None:
    """The run ends where the directory refuses, V8 names the right, and the report says how it is given."""
    broken = SET_UPS[name]
    set_up(world, name, broken)

    outcome = update(connections=["hq-ad"])

    record = outcome.connection("hq-ad")
    report = prefect_api.report(outcome.record.run_id, "hq-ad")
    named = next(e.evidence for e in record.entries if e.number == "V8")
    finding = next(f for f in record.findings if f.subject == broken.right.value)
    steps = [number for number in outcome.steps("hq-ad") if number.startswith("V")]
    assert outcome.state.name == "Validation failed"
    assert steps[steps.index(broken.failed) :][:1] == [broken.failed]
    assert f" failed: {broken.right.value}; the account itself is refused too" in named
    assert broken.says in f"{finding.detail} {finding.advice}"
    for text in (finding.subject, finding.detail, finding.advice):
        assert plain(text) in report
    left = [dn for dn in leftover_users(world) if f"OU={name}," in dn]
    told = any(f.code == "validation.test-user-left" for f in record.findings)
    # Who may not delete cannot clean up either, and the report says so.
    assert (bool(left), told) == (broken.failed == "V4", broken.failed == "V4")


def test_unit_that_is_not_there(world: World, update: Update, prefect_api: Server) -> None:
    """Without the validation unit the update ends at A4, the console is as it was, and the unit is named."""
    validate_in(world, "OU=Nowhere")
    before = world.consoles["hq"].state()["rows"]

    outcome = update(connections=["hq-ad"])

    report = prefect_api.report(outcome.record.run_id, "hq-ad")
    assert outcome.state.name == "Refused"
    assert outcome.steps("hq-ad")[-1] == "A4"
    assert plain(f'dsadd ou "OU=Nowhere,{BASE_DN}"') in report
    assert world.consoles["hq"].state()["rows"] == before


def test_right_that_may_not_be_read(world: World, update: Update, prefect_api: Server) -> None:
    """Where the descriptor is closed no right is guessed: the report says which could not be told."""
    broken = Broken("V2", Right.RESET_PASSWORD, "", CREATE + DELETE, denied="(D;;RC;;;{sid})")
    set_up(world, "dark", broken)

    outcome = update(connections=["hq-ad"])

    record = outcome.connection("hq-ad")
    assert outcome.state.name == "Validation failed"
    assert [f.subject for f in record.findings] == []
    assert any(broken.right.value in what for what in record.unchecked)
    assert "could not be read" in prefect_api.report(outcome.record.run_id, "hq-ad")
