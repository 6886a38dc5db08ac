"""What goes wrong, one cause per test: the right end state, nothing changed, nothing locked, advice given."""

from __future__ import annotations

import pytest

from connectors.errors import OutOfStep, SignInReason, SignInRefused, Unreachable
from report.markdown import plain
from sandbox.world import AD_ROW, World
from tests.running import Outcome, Server, Update

pytestmark = pytest.mark.prefect


def _row(world: World, extension: str) -> dict[str, object]:
    rows = world.consoles["hq"].state()["rows"]
    return next(row for row in rows if row["extension"] == extension)


def _advised(outcome: Outcome, server: Server, name: str) -> str:
    """Return the report, having seen that it holds the error's advice."""
    error = outcome.connection(name).error
    assert error is not None
    report = server.report(outcome.record.run_id, name)
    assert plain(error.what_to_do()) in report
    return report


def test_directory_is_down(world: World, update: Update, prefect_api: Server) -> None:
    """With Active Directory stopped its connection is unreachable; the other connection is updated."""
    before = _row(world, "active_directory")
    world.rotate_entra("hq")
    world.directory.stop()

    outcome = update()

    assert outcome.state.name == "Unreachable"
    assert isinstance(outcome.connection("hq-ad").error, Unreachable)
    assert outcome.steps("hq-ad") == ["A1", "A2", "A3", "A4", "A4", "A4"]
    assert outcome.connection("hq-m365").error is None
    assert _row(world, "active_directory") == before
    _advised(outcome, prefect_api, "hq-ad")


def test_vault_is_sealed(world: World, update: Update, prefect_api: Server) -> None:
    """With Vault sealed the run ends before anything is touched, and says what to do."""
    world.vault.do("seal")

    outcome = update()

    assert outcome.state.name == "Unreachable"
    assert world.consoles["hq"].journal() == []
    assert "unseal" in _advised(outcome, prefect_api, "hq-ad")
    _advised(outcome, prefect_api, "hq-m365")


def test_graph_throttles(world: World, update: Update, prefect_api: Server) -> None:
    """Throttling by Graph is waited out, and reported as unreachable when it does not end."""
    before = _row(world, "microsoft_365")
    world.tenants["north"].arm("graph.*", "status", times=0, status=429, retry_after=0.05)

    outcome = update()

    error = outcome.connection("hq-m365").error
    assert isinstance(error, Unreachable)
    assert error.retry_after == pytest.approx(0.05)
    assert outcome.state.name == "Unreachable"
    assert _row(world, "microsoft_365") == before
    _advised(outcome, prefect_api, "hq-m365")


def test_throttling_that_ends_is_survived(world: World, update: Update) -> None:
    """A step that is throttled once is tried again and then goes on."""
    world.tenants["north"].arm("graph.*", "status", times=1, status=429, retry_after=0.05)

    assert update().state.name == "Ready"


def test_wrong_password_in_vault(world: World, update: Update, prefect_api: Server) -> None:
    """A wrong password costs one sign-in, changes nothing, and the report names the next command."""
    before = _row(world, "active_directory")
    world.publish("hq", "ad", password="Wrong-but-Long-enough-1")
    world.directory.forget()

    outcome = update(connections=["hq-ad"])

    error = outcome.connection("hq-ad").error
    assert outcome.state.name == "Refused"
    assert isinstance(error, SignInRefused)
    assert error.reason is SignInReason.WRONG_PASSWORD
    refused = [e for e in world.directory.calls("bind") if "52e" in str(e)]
    assert len(refused) == 1
    assert world.locked_accounts() == []
    assert _row(world, "active_directory") == before
    assert "--secret-version" in _advised(outcome, prefect_api, "hq-ad")


def test_wrong_password_again_and_again_never_locks(world: World, update: Update) -> None:
    """However often an update meets a wrong password, the account is not locked: the budget ends it."""
    world.publish("hq", "ad", password="Wrong-but-Long-enough-1")

    names = [update(connections=["hq-ad"]).state.name for _ in range(6)]

    assert set(names) == {"Refused"}
    assert world.locked_accounts() == []


def test_wrong_entra_password_in_vault(world: World, update: Update, prefect_api: Server) -> None:
    """A wrong Entra password is sent exactly once, and nothing is entered in the console."""
    before = _row(world, "microsoft_365")
    world.publish("hq", "m365", password="Wrong-but-Long-enough-1")
    world.tenants["north"].forget()

    outcome = update(connections=["hq-m365"])

    assert outcome.state.name == "Refused"
    (user,) = [
        u for u in world.tenants["north"].state()["users"] if u["upn"].startswith("svc-cayo-hq")
    ]
    assert user["failures"] == 1
    assert not user["locked"]
    assert _row(world, "microsoft_365") == before
    _advised(outcome, prefect_api, "hq-m365")


def test_locked_account_costs_no_sign_in(world: World, update: Update) -> None:
    """A locked account is seen by the reader; not one sign-in is spent on it."""
    world.directory.do("lock", username="svc-cayo-hq")
    world.directory.forget()

    outcome = update(connections=["hq-ad"])

    error = outcome.connection("hq-ad").error
    assert isinstance(error, SignInRefused)
    assert error.reason is SignInReason.LOCKED
    assert [e for e in world.directory.calls("bind") if "svc-cayo-hq" in str(e)] == []


@pytest.mark.services("hq", "branch")
def test_secret_for_another_account(world: World, update: Update) -> None:
    """A secret that names an account of another service is never entered."""
    branch = world.service("branch")
    world.admin.write("cayosoft/hq/ad", {"username": branch.ad_upn, "password": branch.ad_password})
    before = _row(world, "active_directory")

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Out of step"
    assert isinstance(outcome.connection("hq-ad").error, OutOfStep)
    assert _row(world, "active_directory") == before


def test_lost_answer_of_the_save_is_observed(world: World, update: Update) -> None:
    """When the answer to the save is lost, the row is read and the run goes on: one save, not two."""
    world.rotate_ad("hq")
    world.consoles["hq"].arm("draft.save", "answer_lost")

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Ready"
    assert _row(world, "active_directory")["saves"] == 1
    assert "answer was lost" in outcome.connection("hq-ad").entries[4].evidence


def test_save_that_did_not_arrive_is_made_good(world: World, update: Update) -> None:
    """When the save never arrived, the row shows it, and the same save is made once."""
    world.rotate_ad("hq")
    world.consoles["hq"].arm("draft.save", "unreachable")

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Ready"
    assert _row(world, "active_directory")["saves"] == 1


def test_operation_lost_on_the_way_happens_once(world: World, update: Update) -> None:
    """A lost answer of an operation is asked for again under its key: one user, not two."""
    world.consoles["hq"].arm("operation", "answer_lost")

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Ready"
    assert len([e for e in world.directory.calls("add") if "rot-" in str(e)]) == 1


def test_extension_is_disabled(world: World, update: Update) -> None:
    """A disabled extension is refused at A2 with the tick to make."""
    world.consoles["hq"].do("disable_extension", extension="active_directory")

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Refused"
    assert outcome.steps("hq-ad") == ["A1", "A2"]


@pytest.mark.services("hq", "branch")
def test_unknown_service_lists_the_known_ones(
    world: World, update: Update, prefect_api: Server
) -> None:
    """A service that is not in the inventory is refused, and the report lists those that are."""
    outcome = update("no-such-service")

    assert outcome.state.name == "Refused"
    assert "branch, hq" in _advised(outcome, prefect_api, "no-such-service")
    assert world.consoles["hq"].journal() == []


def test_one_version_for_several_connections(world: World, update: Update) -> None:
    """A version number over several connections is refused, because versions are counted per secret."""
    outcome = update(secret_version=1)

    assert outcome.state.name == "Refused"
    assert world.consoles["hq"].journal() == []


def test_row_that_is_not_there(world: World, update: Update) -> None:
    """A row that the console does not have is refused at A3."""
    text = world.inventory_file.read_text()
    world.inventory_file.write_text(text.replace(f"row: {AD_ROW}", "row: elsewhere.example.test"))

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Refused"
    assert outcome.steps("hq-ad") == ["A1", "A2", "A3"]
