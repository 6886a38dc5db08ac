"""No secret escapes: not in a good run, not in a failing one, in no encoding, to no place."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect import flow
from prefect.artifacts import create_markdown_artifact

from connectors.errors import RotationError, SignInReason, SignInRefused, Unreachable
from connectors.secret import Secret
from report.record import RunRecord, recording
from sandbox import canary
from sandbox.world import World
from tasks._step import Done, step
from tests.running import Rotate, Server, StartWorld, Update
from tests.waiting import eventually


def _scan(server: Server, world: World) -> list[canary.Hit]:
    return canary.scan([server.home], world.canaries)


def _running_processes() -> Iterator[bytes]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield file.read_bytes()
        except OSError:  # it ended while we were looking
            continue


@pytest.mark.services("hq", "branch")
@pytest.mark.prefect
@pytest.mark.bookkeeping
def test_nothing_that_prefect_keeps_holds_a_secret(
    world: World, update: Update, prefect_api: Server
) -> None:
    """After good, refused and unreachable runs, no file of Prefect holds any secret in any encoding."""
    world.rotate_ad("hq")
    world.rotate_entra("hq")
    runs = [update("hq"), update("branch")]
    world.publish("hq", "ad", password="Canary-of-a-wrong-password-1")
    world.publish("hq", "m365", password="Canary-of-a-wrong-password-2")
    runs.append(update("hq"))
    world.consoles["branch"].arm("*", "html", times=0, status=502)
    runs.append(update("branch"))
    world.directory.stop()
    runs.append(update("hq"))
    assert [run.state.name for run in runs] == [
        "Ready",
        "Remediation required",
        "Refused",
        "Unreachable",
        "Refused",
    ]
    assert not [line for line in _running_processes() if _holds(line, world)]

    for run in runs:
        assert eventually(
            lambda run=run: prefect_api.events(run.record.run_id, "cayosoft.connection."), bool
        )

    assert len(world.canaries) > 15
    assert _scan(prefect_api, world) == []


@pytest.mark.prefect
@pytest.mark.bookkeeping
def test_nothing_of_a_rotation_escapes(
    start_world: StartWorld, rotate: Rotate, prefect_api: Server
) -> None:
    """After rotations that went well, were refused, cut off and finished, no file of Prefect holds a password.

    Vault may not remove what was staged here, so that every password that was ever made can be searched for.
    """
    world = start_world(services=("plant", "depot"), grace_period_hours=0)
    world.vault.arm("kv.metadata_delete", "status", status=403, times=0)
    before = len(world.canaries)
    runs = [rotate("plant-ad"), rotate("depot-m365")]
    world.directory.do("set_policy", min_password_length=60)
    runs.append(rotate("plant-ad"))
    world.directory.do("set_policy", min_password_length=12)
    world.consoles["plant"].arm("session", "html", times=0, status=502, skip=1)
    runs.append(rotate("plant-m365"))
    world.consoles["plant"].disarm()
    runs.append(rotate("plant-m365", finish_only=True))
    assert [run.state.name for run in runs] == [
        "Ready", "Ready", "Refused", "Unreachable", "Ready",
    ]  # fmt: skip

    world.collect_canaries()

    assert len(world.canaries) >= before + 4, "one password for each rotation"
    assert not [line for line in _running_processes() if _holds(line, world)]
    for run in runs:
        assert eventually(
            lambda run=run: prefect_api.events(run.record.run_id, "cayosoft.connection."), bool
        )
    assert _scan(prefect_api, world) == []


def _holds(line: bytes, world: World) -> bool:
    return any(secret.encode() in line for secret in world.canaries)


@pytest.mark.prefect
@pytest.mark.bookkeeping
def test_the_search_finds_what_is_there(
    prefect_api: Server, new_password: Callable[[], str]
) -> None:
    """The same search finds a secret that somebody puts into an artifact: it can fail."""
    planted = new_password()

    @flow(name="leak on purpose", persist_result=False)
    def leak() -> None:
        create_markdown_artifact(planted, key="leak")

    leak()

    assert canary.scan([prefect_api.home], [planted])


@pytest.mark.prefect
@pytest.mark.bookkeeping
def test_foreign_exceptions_do_not_speak(
    prefect_api: Server, new_password: Callable[[], str]
) -> None:
    """A step in which something unforeseen is raised says its kind and place, and not its text."""
    planted = new_password()

    @step("P1")
    def careless() -> Done[None]:
        try:
            raise KeyError(planted)
        except KeyError as inner:
            raise RuntimeError(f"could not use {planted}") from inner

    @flow(name="careless", persist_result=False)
    def careless_flow() -> str:
        with recording(RunRecord("careless", "-", "hq", dry_run=False)):
            try:
                careless()
            except RotationError as error:
                return str(error)
        return "no error"

    said = careless_flow()

    assert "kind=RuntimeError" in said
    assert planted not in said
    assert canary.scan([prefect_api.home], [planted]) == []


@pytest.mark.parametrize(
    "give_away",
    [repr, str, "{}".format, "{0!r:>40}".format, lambda s: f"{s}", "%s".__mod__],
)
def test_a_secret_does_not_show(
    give_away: Callable[[Secret], str], new_password: Callable[[], str]
) -> None:
    """Every way of turning a secret into text gives the same word."""
    value = new_password()

    shown = give_away(Secret(value))

    assert "[secret]" in shown
    assert value not in shown


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, pickle.dumps, json.dumps, vars])
def test_a_secret_is_not_copied(
    copying: Callable[[Secret], object], new_password: Callable[[], str]
) -> None:
    """Copying, pickling, serialising and looking inside are refused."""
    with pytest.raises(TypeError):
        copying(Secret(new_password()))


def test_errors_survive_pickling_without_their_causes() -> None:
    """A typed error keeps its facts through Prefect's pickle, and nothing of what caused it."""
    try:
        try:
            raise ValueError("the inner text")
        except ValueError as inner:
            raise SignInRefused(
                "entra", "sign in", reason=SignInReason.LOCKED, advice="unlock", account="a@b"
            ) from inner
    except SignInRefused as caught:
        error = caught

    again = pickle.loads(pickle.dumps(error))

    assert str(again) == "entra: sign in: account=a@b: account locked"
    assert again.reason is SignInReason.LOCKED
    assert again.what_to_do() == "unlock"
    assert again.__cause__ is None
    assert error.sealed().__cause__ is None
    assert b"the inner text" not in pickle.dumps(error)


def test_a_wait_that_was_asked_for_survives_pickling() -> None:
    """The Retry-After of an unreachable system is kept."""
    error = Unreachable("graph", "read", retry_after=7.5)

    assert pickle.loads(pickle.dumps(error)).retry_after == 7.5
