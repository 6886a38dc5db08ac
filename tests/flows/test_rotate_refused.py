"""Rotations that cannot go through: each ends with a typed outcome, nothing lost, and the right next step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import (
    NotPermitted,
    OutOfStep,
    PolicyRefused,
    RotationError,
    SignInReason,
    SignInRefused,
    Superseded,
)
from connectors.rotation import Trouble
from inventory.wiring import open_inventory, open_systems
from sandbox.people import DOMAIN
from sandbox.samba.availability import available
from sandbox.world import World
from tests.flows.test_rotate import ROTATING, ledger_of
from tests.running import Outcome, Rotate, Server, StartWorld, Update
from tests.waiting import eventually

pytestmark = pytest.mark.prefect
SAMBA = pytest.param(
    "samba",
    marks=[
        pytest.mark.samba,
        pytest.mark.skipif(available() is not None, reason=available() or "it is here"),
    ],
)
SETTER = {
    "trustee": "svc-rotation-setter",
    "container": "OU=Service Accounts",
    "rights": ["reset passwords"],
}
THRESHOLD, RESERVE = 5, 2


@pytest.fixture(params=["active_directory", SAMBA])
def world(request: pytest.FixtureRequest, start_world: StartWorld) -> World:
    """Start a sandbox whose connections the orchestrator rotates, on both kinds of directory."""
    return start_world(directory=request.param, services=ROTATING, grace_period_hours=0)


@pytest.fixture
def quick_world(start_world: StartWorld) -> World:
    """Start the same on the stand-in only, where the directory has no part in the case."""
    return start_world(services=ROTATING, grace_period_hours=0)


def _error(outcome: Outcome, connection: str, kind: type[RotationError]) -> RotationError:
    error = outcome.connection(connection).error
    assert isinstance(error, kind), repr(error)
    return error


def _untouched(world: World, service: str, before: dict[str, str]) -> None:
    """Demand that nothing was set: what was current still is, and no account came near its lock."""
    assert before == world.current(service, "active_directory")
    assert world.names_below(f"rotation/{service}-ad/pending") == []
    _within_budget(world)


def _within_budget(world: World) -> None:
    for name, user in world.directory.state()["users"].items():
        if name.startswith("svc-"):
            assert user["bad_password_count"] <= THRESHOLD - RESERVE, name
    assert world.locked_accounts() == []


def _ends_ready(rotate: Rotate, connection: str, **how: bool) -> None:
    outcome = rotate(connection, **how)
    assert outcome.state.name == "Ready", outcome.state.message


def test_wrong_password_in_vault(world: World, rotate: Rotate) -> None:
    """Where what is current does not sign in, a person must say that it is to be replaced; tried once."""
    world.publish("plant", "ad", password="Somebody-else-wrote-this-1")
    before = world.current("plant", "active_directory")

    runs = [rotate("plant-ad") for _ in range(4)]

    for run in runs:
        error = _error(run, "plant-ad", SignInRefused)
        assert "--overwrite" in error.what_to_do()
    _untouched(world, "plant", before)
    assert world.directory.state()["users"]["svc-cayo-plant"]["bad_password_count"] <= 1
    _ends_ready(rotate, "plant-ad", overwrite=True)
    _within_budget(world)


def test_locked_account(world: World, rotate: Rotate) -> None:
    """A locked account is not given a password, which would not unlock it; once unlocked, it is."""
    before = world.current("plant", "active_directory")
    _lock(world, "svc-cayo-plant")

    error = _error(rotate("plant-ad"), "plant-ad", SignInRefused)

    assert isinstance(error, SignInRefused)
    assert error.reason is SignInReason.LOCKED
    assert "Unlock-ADAccount" in error.what_to_do()
    assert before == world.current("plant", "active_directory")
    world.directory.do("unlock", username="svc-cayo-plant")
    _ends_ready(rotate, "plant-ad")


def _lock(world: World, username: str) -> None:
    """Lock an account; a real domain controller does that by itself, after enough wrong sign-ins."""
    if not world.on_samba:
        world.directory.do("lock", username=username)
        return
    for number in range(THRESHOLD):
        account = {"username": f"{username}@{DOMAIN}", "password": f"Wrong-{number}"}
        assert not world.signs_in("active_directory", **account)
    assert world.locked_accounts()


def test_expired_password(world: World, rotate: Rotate) -> None:
    """An expired password is what a rotation ends, so it is a finding and no obstacle."""
    world.directory.do("age_password", username="svc-cayo-plant", days=60)

    outcome = rotate("plant-ad")

    assert outcome.state.name == "Ready", outcome.state.message
    assert "rotation.current-did-not-sign-in" in [
        finding.code for finding in outcome.connection("plant-ad").findings
    ]


@pytest.mark.parametrize("service", ROTATING)
def test_password_refused_by_policy(world: World, rotate: Rotate, service: str) -> None:
    """A password that the directory does not take is thrown away, and nothing else has changed."""
    before = world.current(service, "active_directory")
    world.directory.do("set_policy", min_password_length=60)

    outcome = rotate(f"{service}-ad")

    error = _error(outcome, f"{service}-ad", PolicyRefused)
    assert "password" in error.what_to_do()
    assert "N2u" in outcome.steps(f"{service}-ad")
    _untouched(world, service, before)
    assert world.console_signs_in(service, "active_directory")
    kept = ledger_of(f"{service}-ad")
    assert kept.rotation is None
    assert kept.trouble is not None
    assert kept.trouble.needs_person
    world.directory.do("set_policy", min_password_length=12)
    _ends_ready(rotate, f"{service}-ad")


def test_vault_policy_that_is_not_complex(world: World, rotate: Rotate) -> None:
    """A Vault policy that the directory's rules refuse is told as that, and corrected in Vault."""
    good = world.admin.call("GET", "/sys/policies/password/account-rotation")["data"]["policy"]
    plain = 'length = 32\nrule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" }'
    world.admin.call("PUT", "/sys/policies/password/account-rotation", {"policy": plain})

    _error(rotate("plant-ad"), "plant-ad", PolicyRefused)

    world.admin.call("PUT", "/sys/policies/password/account-rotation", {"policy": good})
    _ends_ready(rotate, "plant-ad")


def test_setter_without_the_right(world: World, rotate: Rotate) -> None:
    """A setter that may not reset is found out before anything begins, with the delegation to run."""
    before = world.current("plant", "active_directory")
    world.directory.do("revoke", **SETTER)

    error = _error(rotate("plant-ad"), "plant-ad", NotPermitted)

    assert "Reset Password" in error.what_to_do()
    assert "dsacls" in error.what_to_do()
    _untouched(world, "plant", before)
    world.directory.do("delegate", **SETTER)
    _ends_ready(rotate, "plant-ad")


def test_entra_setter_without_its_role(quick_world: World, rotate: Rotate) -> None:
    """The setter of a tenant needs permission and role; the preflight names the one that lacks."""
    world = quick_world
    world.tenants["north"].do("set_roles", client="Rotation setter", roles=[])

    error = _error(rotate("plant-m365"), "plant-m365", NotPermitted)

    assert error.identifiers["lacks"] == "Privileged Authentication Administrator"
    assert "roleManagement/directory/roleAssignments" in error.what_to_do()
    assert ledger_of("plant-m365").rotation is None


# Of the calls that write to Vault in a rotation: the staged password, the ledger after N3, the promotion.
@pytest.mark.parametrize("skip", [4, 7, 14], ids=["staged", "set", "promoted"])
@pytest.mark.parametrize("fault", ["status_after", "answer_lost"])
def test_vault_answers_500(quick_world: World, rotate: Rotate, fault: str, skip: int) -> None:
    """An answer of Vault that says nothing is looked into: one staged password, and nothing lost.

    Every call of a rotation meets this in tests/laws/saga; here a real client meets three of them.
    """
    world, service = quick_world, "plant"
    more = {} if fault == "answer_lost" else {"status": 500}
    world.vault.arm("kv.write", fault, skip=skip, **more)

    first = rotate(f"{service}-ad")
    world.vault.disarm()
    if first.state.name != "Ready":
        _ends_ready(rotate, f"{service}-ad", finish_only=True)

    staged = {
        call["detail"]["path"]
        for call in world.vault.calls("kv.write")
        if "/pending/" in call["detail"].get("path", "")
    }
    assert len(staged) == 1
    assert world.console_signs_in(service, "active_directory")
    assert world.signs_in("active_directory", **world.current(service, "active_directory"))


def test_password_changed_by_hand_meanwhile(quick_world: World, rotate: Rotate) -> None:
    """Changed by hand between setting and entering, the rotation stops, and goes on when a person says so."""
    world = quick_world
    world.consoles["plant"].arm("session", "status", status=503, times=0, skip=1)
    assert rotate("plant-ad").state.name == "Unreachable"
    assert ledger_of("plant-ad").rotation is not None
    world.consoles["plant"].disarm()
    world.set_ad_password("svc-cayo-plant", "Changed-by-hand-1234")

    for _ in range(3):
        error = _error(rotate("plant-ad", finish_only=True), "plant-ad", OutOfStep)
        assert "--overwrite" in error.what_to_do()
    _within_budget(world)

    _ends_ready(rotate, "plant-ad", overwrite=True)
    assert world.console_signs_in("plant", "active_directory")


def test_an_update_leaves_an_unfinished_rotation_alone(
    quick_world: World, rotate: Rotate, update: Update
) -> None:
    """While the directory holds a password that is not promoted yet, an update changes nothing."""
    quick_world.consoles["plant"].arm("session", "status", status=503, times=0, skip=1)
    rotate("plant-ad")
    quick_world.consoles["plant"].disarm()

    outcome = update("plant", connections=["plant-ad"])

    error = _error(outcome, "plant-ad", Superseded)
    assert "account-rotation rotate plant-ad --finish" in error.what_to_do()
    _ends_ready(rotate, "plant-ad", finish_only=True)


@pytest.mark.parametrize("extension", ["ad", "m365"])
def test_the_account_in_use_comes_back(quick_world: World, rotate: Rotate, extension: str) -> None:
    """With two accounts, one that the product cannot work with is taken out of the console again."""
    world, connection = quick_world, f"depot-{extension}"
    before = world.current("depot", {"ad": "active_directory", "m365": "microsoft_365"}[extension])
    world.consoles["depot"].arm("operation", "status", status=403, times=1)

    outcome = rotate(connection)

    assert outcome.state.name == "Validation failed", outcome.state.message
    assert ("A5u" if extension == "ad" else "E4u") in outcome.steps(connection)
    row = next(
        row
        for row in world.consoles["depot"].state()["rows"]
        if row["account"] == before["username"]
    )
    assert world.console_signs_in("depot", row["extension"])
    kept = ledger_of(connection)
    assert kept.rotation is not None
    assert kept.rotation.phase == "N4"
    assert kept.in_use == before["username"]
    _ends_ready(rotate, connection)


def test_giving_up_with_two_accounts(quick_world: World, rotate: Rotate) -> None:
    """A rotation of the idle account can be given up: the console keeps what it had, nothing is staged."""
    world = quick_world
    before = world.current("depot", "active_directory")
    world.consoles["depot"].arm("session", "status", status=503, times=0, skip=1)
    rotate("depot-ad")
    world.consoles["depot"].disarm()

    outcome = rotate("depot-ad", abandon=True)

    assert outcome.state.name == "Ready", outcome.state.message
    assert ledger_of("depot-ad").rotation is None
    assert world.names_below("rotation/depot-ad/pending") == []
    assert before == world.current("depot", "active_directory")
    assert world.console_signs_in("depot", "active_directory")


def test_giving_up_in_place_is_refused_once_set(quick_world: World, rotate: Rotate) -> None:
    """In place nothing else signs in any more, so a rotation that was set can only be finished."""
    quick_world.consoles["plant"].arm("session", "status", status=503, times=0, skip=1)
    rotate("plant-ad")
    quick_world.consoles["plant"].disarm()

    error = _error(rotate("plant-ad", abandon=True), "plant-ad", OutOfStep)

    assert "--finish" in error.what_to_do()
    assert quick_world.names_below("rotation/plant-ad/pending")
    _ends_ready(rotate, "plant-ad", finish_only=True)


@pytest.mark.bookkeeping
def test_scheduled_runs_wait_then_need_a_person(
    quick_world: World, rotate: Rotate, prefect_api: Server
) -> None:
    """After failures a scheduled run waits longer and longer, then leaves the connection to a person."""
    world = quick_world
    world.consoles["plant"].arm("*", "status", status=503, times=0)
    first = rotate("plant-ad", asked_by="schedule")
    assert first.state.name == "Unreachable"

    waiting = rotate("plant-ad", asked_by="schedule")

    assert waiting.state.name == "Waiting"
    for _ in range(4):
        _let_the_wait_pass("plant-ad")
        assert rotate("plant-ad", asked_by="schedule").state.name == "Unreachable"
    assert _trouble("plant-ad").cycles == 5
    assert _trouble("plant-ad").needs_person
    _let_the_wait_pass("plant-ad")
    left = rotate("plant-ad", asked_by="schedule")
    assert left.state.name == "Needs a person"
    assert left.steps("plant-ad") == []
    wanted = "cayosoft.connection.needs-a-person"
    assert eventually(lambda: prefect_api.events(left.record.run_id, wanted), bool)
    world.consoles["plant"].disarm()
    _ends_ready(rotate, "plant-ad")
    assert ledger_of("plant-ad").trouble is None


def _trouble(connection: str) -> Trouble:
    trouble = ledger_of(connection).trouble
    assert trouble is not None
    return trouble


def _let_the_wait_pass(connection: str) -> None:
    """Make the moment of the next try lie in the past."""
    with open_systems(open_inventory()) as systems:
        ledger = systems.ledgers.read(connection)
        assert ledger.trouble is not None
        past = {"not_before": datetime.now(UTC) - timedelta(seconds=1)}
        trouble = ledger.trouble.model_copy(update=past)
        systems.ledgers.write(ledger.model_copy(update={"trouble": trouble}))


def test_two_rotations_at_once(quick_world: World, rotate: Rotate) -> None:
    """The younger of two rotations takes over and goes on; the older one changes nothing more."""
    older: list[Outcome] = []
    world = quick_world
    world.vault.arm("kv.write", "hold_before", skip=5)

    def start_older() -> None:
        older.append(rotate("plant-ad"))

    younger = _meanwhile(start_older, world, lambda: rotate("plant-ad"))

    assert younger.state.name == "Ready", younger.state.message
    assert older[0].state.name == "Superseded"
    assert world.console_signs_in("plant", "active_directory")


def _meanwhile(first: Callable[[], None], world: World, second: Callable[[], Outcome]) -> Outcome:
    """Run the first until Vault holds one of its writes, then the second to its end, then let go."""
    import threading  # noqa: PLC0415
    from contextvars import copy_context  # noqa: PLC0415

    thread = threading.Thread(target=copy_context().run, args=(first,))
    thread.start()
    eventually(world.vault.held, bool)
    ended = second()
    world.vault.release()
    thread.join(60)
    assert not thread.is_alive()
    return ended
