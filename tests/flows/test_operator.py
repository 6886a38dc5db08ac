"""The article with a person at the console: guided, believed as far as the systems bear it out, and told where not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from ruamel.yaml import YAML

from connectors.ledger import Asked
from flows import _others
from flows.reconcile_connections import reconcile_connections
from inventory.wiring import open_inventory, open_systems
from sandbox.people import APP_NAME
from sandbox.world import World
from tests.flows.operators import Person, at_the_console
from tests.running import Outcome, Rotate, Server, StartWorld, Update

pytestmark = pytest.mark.prefect

AD_STEPS = ["A0", "A1", "A2", "A3", "A4", "A5", "A6", "V1", "V2", "V3", "V4"]
M365_STEPS = ["E0", "E1", "E2", "E3", "E4", "E5", "E6", "E7", "V5", "V6", "V7"]
HOURS = 3600.0


@pytest.fixture
def world(start_world: StartWorld) -> World:
    """Start a service whose console only a person reaches."""
    return start_world(services=("hq",), driver="operator")


@pytest.fixture
def person(world: World) -> Iterator[Person]:
    """Put somebody at that console."""
    with at_the_console(world) as somebody:
        yield somebody


def found(outcome: Outcome, connection: str) -> list[str]:
    """Return the codes of a connection's findings."""
    return [finding.code for finding in outcome.connection(connection).findings]


def evidence(outcome: Outcome, connection: str, number: str) -> list[str]:
    """Return what was written down at a step, each time it was done."""
    return [e.evidence for e in outcome.connection(connection).entries if e.number == number]


def test_both_extensions_in_person(
    world: World, person: Person, update: Update, prefect_api: Server
) -> None:
    """A person who follows the forms brings both connections to the new credential; who it was is in the report."""
    world.rotate_ad("hq")
    world.rotate_entra("hq")

    outcome = update()

    assert outcome.state.name == "Ready", outcome.state.message
    assert outcome.steps("hq-ad") == ["A0", *AD_STEPS]
    assert outcome.steps("hq-m365") == ["E0", *M365_STEPS]
    for extension in ("active_directory", "microsoft_365"):
        assert world.console_signs_in("hq", extension)
    report = prefect_api.report(outcome.record.run_id, "hq-ad")
    assert "'Op One' in a terminal, a name that nothing has checked" in report
    assert world.ledger("hq-ad")["applied"]["label"].startswith("kv/cayosoft/hq/ad#2@")
    assert "asked" not in {k for k, v in world.ledger("hq-ad").items() if v}
    shown = "".join(form.text for form in person.forms)
    assert not [secret for secret in world.canaries if secret in shown]


def test_a_version_is_asked_for_once(world: World, person: Person, update: Update) -> None:
    """Nobody is asked to enter again what was reported to be saved, unless somebody wants that."""
    update(connections=["hq-ad"])
    assert len(person.forms) == 1

    again = update(connections=["hq-ad"])

    assert again.state.name == "Ready"
    assert len(person.forms) == 1
    assert again.steps("hq-ad") == ["A0", "V1", "V2", "V3", "V4"]
    assert any("only a person can look" in it for it in again.connection("hq-ad").unchecked)
    update(connections=["hq-ad"], try_again=True)
    assert len(person.forms) == 2


def test_a_forgotten_save_is_noticed(world: World, person: Person, update: Update) -> None:
    """Who reports "saved" while the console still signs in with the old password is told so, and asked again."""
    world.rotate_ad("hq")
    # The directory accepts the previous password for an hour, so until then nothing could tell.
    world.directory.advance(2 * HOURS)
    person.forgets_save = 1

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Ready", outcome.state.message
    assert len(person.forms) == 2
    assert "Very likely the console still holds the previous password" in person.forms[1].text
    assert world.console_signs_in("hq", "active_directory")
    assert "which only the new credential can" in evidence(outcome, "hq-ad", "A0")[-1]
    assert world.locked_accounts() == []


def test_who_insists_is_believed_and_contradicted(
    world: World, person: Person, update: Update
) -> None:
    """After the same answer twice the word is taken; the report says what speaks against it."""
    world.rotate_ad("hq")
    world.directory.advance(2 * HOURS)
    person.forgets_save = 9

    outcome = update(connections=["hq-ad"])

    assert len(person.forms) == 2
    assert "console.not-seen" in found(outcome, "hq-ad")


def test_within_the_hour_nothing_is_claimed(world: World, person: Person, update: Update) -> None:
    """While the directory accepts the previous password, too, a sign-in is not called a proof."""
    world.rotate_ad("hq")

    outcome = update(connections=["hq-ad"])

    assert "with the new password or the previous one" in evidence(outcome, "hq-ad", "A0")[-1]
    assert any("previous password, too, until" in u for u in outcome.connection("hq-ad").unchecked)


def test_the_forbidden_checkbox_is_found(world: World, person: Person, update: Update) -> None:
    """Who ticks the checkbox is not blamed: the tenant tells, and the plan that repairs it is in the report."""
    tenant = world.tenants["north"]
    person.tick = lambda: tenant.do(
        "grant", client=APP_NAME, kind="delegated", values=["User.Read"]
    )

    outcome = update(connections=["hq-m365"])

    assert outcome.state.name == "Remediation required", outcome.state.message
    assert "consent.forbidden-checkbox" in found(outcome, "hq-m365")
    assert (
        "'Consent on behalf of your organization' ticked" in evidence(outcome, "hq-m365", "E6")[0]
    )
    assert outcome.connection("hq-m365").plan
    assert outcome.steps("hq-m365")[-2:] == ["E7", "R1"]


def test_an_unfinished_report_is_asked_again(world: World, person: Person, update: Update) -> None:
    """What the console's own test said must be known; a failed one is no end, and comes with advice."""
    person.answers = [{"check_settings": "I did not run it"}, {"check_settings": "It failed"}]

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Ready"
    assert "Check Settings was not run" in person.forms[1].text
    assert "Check Settings failed" in person.forms[2].text


def test_a_colleague_takes_over(world: World, person: Person, update: Update) -> None:
    """Handing over is a form for the next person, who reads from whom and why; both are in the report."""
    person.answers = [
        {"outcome": "Somebody else takes over", "your_name": "Op Two", "remark": "shift ends *now*"}
    ]

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Ready"
    assert "'Op Two'" in person.forms[1].text
    assert r"shift ends \*now\*" in person.forms[1].text
    handed, taken = evidence(outcome, "hq-ad", "A0")[1:]
    assert "handed over by 'Op Two'" in handed
    assert "saved by 'Op One'" in taken


def test_a_person_may_decline(world: World, person: Person, update: Update) -> None:
    """A no ends the run with its reason and what can be done later; nothing has been changed."""
    before = world.consoles["hq"].state()["rows"]
    person.answers = [{"outcome": "I cannot, or will not", "remark": "change freeze"}]

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Needs a person"
    error = outcome.connection("hq-ad").error
    assert error
    assert "change freeze" in str(error)
    assert "account-rotation update hq --connection hq-ad" in error.what_to_do()
    assert world.consoles["hq"].state()["rows"] == before
    assert world.ledger("hq-ad").get("applied") is None


def test_without_anybody_to_ask(world: World, update: Update) -> None:
    """A run that can neither be suspended nor ask at a terminal says how to start it."""
    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Needs a person"
    error = outcome.connection("hq-ad").error
    assert error
    assert "Start it from the Prefect UI" in error.what_to_do()


def test_prefect_is_away_before_anybody_is_asked(
    world: World, person: Person, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another run may ask already and Prefect cannot tell, the run ends as unreachable, and says so."""

    def asked(connection: str) -> None:
        with open_systems(open_inventory()) as systems:
            ledger, now = systems.ledgers.read(connection), datetime.now(UTC)
            form = Asked(run=str(uuid4()), label="another", since=now, until=now)
            systems.ledgers.write(ledger.model_copy(update={"asked": form}))

    def away(**_: object) -> object:
        raise httpx.ConnectError("away")

    update(connections=["hq-ad"])
    asked("hq-ad")
    world.rotate_ad("hq")
    monkeypatch.setattr(_others, "get_client", away)

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Unreachable"
    error = outcome.connection("hq-ad").error
    assert error
    assert "Bring Prefect's API back" in error.what_to_do()
    assert len(person.forms) == 1


def test_a_schedule_starts_what_asks_a_person(world: World, prefect_api: Server) -> None:
    """A run within another one cannot wait for a person; where none of its own can be started that is told."""
    state = reconcile_connections(services=["hq"], return_state=True)

    assert state.name == "Some failed"
    assert "hq-ad: Not started: prefect: start update_account_credentials/update" in str(
        state.message
    )
    assert "account-rotation deploy" in str(state.message)
    assert world.consoles["hq"].journal() == []


def test_who_reconciles_in_a_terminal_is_asked(
    world: World, person: Person, prefect_api: Server
) -> None:
    """Whoever sits there answers at once."""
    state = reconcile_connections(services=["hq"], return_state=True)

    assert state.name == "Reconciled", state.message
    assert len(person.forms) == 2
    assert world.console_signs_in("hq", "active_directory")


def test_a_dry_run_asks_nobody(world: World, person: Person, update: Update) -> None:
    """A dry run proves the credential and the consent, and says what only a person could look at."""
    outcome = update(dry_run=True)

    assert person.forms == []
    assert outcome.steps("hq-ad") == ["A0"]
    assert outcome.steps("hq-m365") == ["E0", "E7", "R1"]
    assert outcome.connection("hq-ad").error is None
    assert any("only a person can look" in it for it in outcome.connection("hq-ad").unchecked)


def test_an_answer_counts_in_vault(world: World, person: Person, update: Update) -> None:
    """With approve_in: vault an answer counts when it lies below somebody's own folder, whose name is the proof."""
    yaml = YAML()
    inventory = yaml.load(world.inventory_file)
    inventory["approve_in"] = "vault"
    with world.inventory_file.open("w") as file:
        yaml.dump(inventory, file)

    def approve(key: str, _said: object) -> None:
        if len(person.forms) > 1:  # forgotten at first
            world.admin.write(f"approvals/ines/{key}", {"answer": "saved"})

    person.approve = approve

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Ready"
    assert "Your answer is not in Vault" in person.forms[1].text
    last = evidence(outcome, "hq-ad", "A0")[-1]
    assert "saved by 'ines', by the own folder in Vault (kv/approvals)" in last
    assert "Op One" not in last


def test_a_password_in_the_form_is_told(world: World, person: Person, update: Update) -> None:
    """Who types the password into the form is told what is due, and no report repeats it."""
    password = world.current("hq", "active_directory")["password"]
    person.answers = [{"remark": f"used {password}, fine"}]

    outcome = update(connections=["hq-ad"])

    assert "console.password-in-form" in found(outcome, "hq-ad")
    assert password not in str(outcome.record)


ROTATED = ["N1", "N2", "N3", "N4", "A0", *AD_STEPS, "F1"]


def test_in_place_waits_for_the_person_first(start_world: StartWorld, rotate: Rotate) -> None:
    """A password that changes in place is changed when somebody is at the console, and not before."""
    world = start_world(services=("plant",), driver="operator")
    before = world.current("plant", "active_directory")["password"]
    with at_the_console(world, "plant") as person:
        person.answers = [{"ready": "Not now", "remark": "tonight"}]
        put_off = rotate("plant-ad")
        assert put_off.state.name == "Needs a person"
        assert world.signs_in("active_directory", world.service("plant").ad_username, before)

        outcome = rotate("plant-ad")

    assert outcome.state.name == "Ready", outcome.state.message
    assert [form.kind.__name__ for form in person.forms] == [
        "Readiness", "Readiness", "ActiveDirectoryForm"
    ]  # fmt: skip
    assert outcome.steps("plant-ad") == ROTATED
    assert "with the new password or the previous one" in evidence(outcome, "plant-ad", "A0")[-1]
    assert world.console_signs_in("plant", "active_directory")
    gap = outcome.connection("plant-ad").gap
    assert gap
    assert gap.seconds is not None


def test_in_turn_the_person_has_time(start_world: StartWorld, rotate: Rotate) -> None:
    """With two accounts nobody needs to hurry, and a sign-in of the next account can only be the console's."""
    world = start_world(services=("depot",), driver="operator")
    with at_the_console(world, "depot") as person:
        first = rotate("depot-ad")
        assert first.state.name == "Ready", first.state.message
        assert [form.kind.__name__ for form in person.forms] == ["ActiveDirectoryForm"]
        assert world.console_signs_in("depot", "active_directory")


def test_a_person_gives_the_account_in_use_back(
    start_world: StartWorld, update: Update, rotate: Rotate
) -> None:
    """Where the next account is not consented to, the next form asks for the one that was in use before."""
    world = start_world(services=("depot",), driver="operator")
    with at_the_console(world, "depot") as person:
        assert update("depot", connections=["depot-m365"]).state.name == "Ready"
        in_use = world.ledger("depot-m365")["in_use"]
        person.cancels = 1

        outcome = rotate("depot-m365")

    assert outcome.state.name == "Remediation required", outcome.state.message
    assert outcome.steps("depot-m365")[-3:] == ["E0", "E0", "E4u"]
    assert in_use in person.forms[-1].text
    assert world.ledger("depot-m365")["applied"]["account"] == in_use
    assert world.console_signs_in("depot", "microsoft_365")
