"""No sequence of updates, faults and wrong passwords locks an account or exceeds the sign-in budget."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.active_directory.client import ActiveDirectoryClient
from connectors.entra.client import EntraClient
from connectors.errors import BudgetSpent, NotPermitted, RotationError, SignInRefused, Unreachable
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.contracts.active_directory.lab import DOMAIN, HOME, Lab, Secrets, settings_of
from tests.contracts.entra.conftest import ACCOUNT as USER
from tests.contracts.entra.conftest import ACCOUNT_SECRET, Desk, desk, site

__all__ = ["desk", "site"]  # fixtures

ACCOUNT, READER = "svc-cayo", "reader"
THRESHOLD, RESERVE = 5, 2


@pytest.fixture
def lab(authority: Authority, new_password: Callable[[], str], tmp_path: Path) -> Iterator[Lab]:
    """Start a domain with two controllers that lock after five wrong passwords."""
    secrets = Secrets({name: new_password() for name in ("Administrator", READER, ACCOUNT)})
    certificate, key = authority.issue("law-dc", "dc1.corp.example.test")
    config = {
        "port": 0,
        "tls": {"cert": str(certificate), "key": str(key)},
        "domain": DOMAIN,
        "netbios": "CORP",
        "administrator": {
            "username": "Administrator",
            "password": secrets.passwords["Administrator"],
        },
        "organizational_units": [HOME],
        "users": [
            {"username": name, "password": secrets.passwords[name], "container": HOME}
            for name in (READER, ACCOUNT)
        ],
        "replicas": 2,
        "lockout_threshold": THRESHOLD,
        "lockout_window": 1800,
        "lockout_duration": 0,
    }
    with StandIn.start("sandbox.active_directory", config, tmp_path / "log") as standin:
        settings = settings_of(standin, authority.ca_file)
        both = tuple(standin.endpoints["urls"])
        yield Lab("active_directory", standin, secrets, replace(settings, controllers=both))


def _refused_binds(lab: Lab) -> int:
    return len([e for e in lab.standin.calls("bind") if ACCOUNT in str(e) and "52e" in str(e)])


def _try(client: ActiveDirectoryClient, act: Callable[[ActiveDirectoryClient], object]) -> str:
    """Do it as a step does: again when nobody answered, up to five times; return how it ended."""
    for _ in range(5):
        try:
            act(client)
        except Unreachable:
            continue
        except RotationError as error:
            return type(error).__name__
        return "done"
    return "Unreachable"


def _state(lab: Lab) -> dict[str, object]:
    return lab.standin.state()["users"][ACCOUNT]  # type: ignore[no-any-return]


@pytest.mark.parametrize("seed", range(4))
def test_no_sequence_locks_a_directory_account(
    lab: Lab, new_password: Callable[[], str], seed: int
) -> None:
    """Runs, retries, lost answers, busy and dead controllers, new wrong passwords: never locked."""
    dice = random.Random(seed)
    kinds = ("answer_lost", "busy", "unreachable")
    for _ in range(10):
        lab.standin.disarm()
        for _ in range(dice.randrange(3)):
            where = dice.choice(("", "dc1.", "dc2."))
            lab.standin.arm(
                f"{where}bind",
                dice.choice(kinds),
                times=dice.choice((0, 1, 2)),
                skip=dice.randrange(3),
            )
        if dice.random() < 0.2:
            lab.standin.arm("dc1.connect", "unreachable", times=0)
        handle = lab.wrong(ACCOUNT, new_password())
        shuffled = tuple(dice.sample(lab.settings.controllers, 2))
        _try(lab.client_with(controllers=shuffled), lambda client, h=handle: client.sign_in(h))  # type: ignore[misc]

        assert not _state(lab)["locked"]
        assert max(_state(lab)["bad_password_counts"].values()) <= THRESHOLD - RESERVE  # type: ignore[attr-defined]


def test_a_wrong_password_is_tried_once_in_a_run(lab: Lab, new_password: Callable[[], str]) -> None:
    """A refused password is not tried on the second controller, nor again by the same step."""
    assert (
        _try(lab.client, lambda c: c.sign_in(lab.wrong(ACCOUNT, new_password()))) == "SignInRefused"
    )
    assert _refused_binds(lab) == 1


def test_a_lost_verdict_stays_within_the_budget(lab: Lab, new_password: Callable[[], str]) -> None:
    """When every answer to a sign-in is lost, the retries end before the reserve is touched."""
    handle = lab.wrong(ACCOUNT, new_password())
    for _ in range(6):
        lab.standin.disarm()
        # The reader's own sign-in passes, the account's is done and its answer lost.
        lab.standin.arm("bind", "answer_lost", times=1, skip=1)
        with pytest.raises((Unreachable, BudgetSpent)):
            lab.client.sign_in(handle)

    assert _refused_binds(lab) == THRESHOLD - RESERVE
    assert not _state(lab)["locked"]


def test_each_controller_is_asked_for_its_own_count(
    lab: Lab, new_password: Callable[[], str]
) -> None:
    """A sign-in goes to the controller whose count was read, not to one that knows of more failures."""
    first, second = lab.settings.controllers
    handle = lab.wrong(ACCOUNT, new_password())
    for _ in range(THRESHOLD - RESERVE):
        with pytest.raises(SignInRefused):
            lab.client_with(controllers=(second,)).sign_in(handle)
    lab.standin.arm("dc1.connect", "unreachable", times=0)

    with pytest.raises(BudgetSpent):
        lab.client_with(controllers=(first, second)).sign_in(handle)

    assert _refused_binds(lab) == THRESHOLD - RESERVE


@pytest.mark.parametrize("threshold", [1, 2, 3, 4, 0])
def test_a_stricter_policy_counts_at_once(
    lab: Lab, new_password: Callable[[], str], threshold: int
) -> None:
    """The policy is read before each sign-in: one that became stricter meanwhile is obeyed."""
    handle = lab.wrong(ACCOUNT, new_password())
    with pytest.raises(SignInRefused):
        lab.client.sign_in(handle)

    lab.standin.do("set_policy", lockout_threshold=threshold)
    tried = _refused_binds(lab)
    for _ in range(3):
        with pytest.raises((SignInRefused, BudgetSpent)):
            lab.client.sign_in(handle)

    assert not _state(lab)["locked"]
    allowed = 3 if threshold == 0 else max(0, threshold - RESERVE - 1)
    assert _refused_binds(lab) - tried == allowed


def test_a_stale_reader_spends_nothing_of_the_account(
    lab: Lab, new_password: Callable[[], str]
) -> None:
    """A reader whose password is old is tried once by a run, and the account not at all."""
    stale = lab.wrong(READER, new_password())
    client = lab.client_with(reader=stale)
    lab.standin.forget()

    for _ in range(5):
        with pytest.raises(NotPermitted):
            client.sign_in(lab.handle(ACCOUNT))

    assert [e for e in lab.standin.calls("bind") if ACCOUNT in str(e)] == []
    assert len(lab.standin.calls("bind")) == 1


def _probes(desk: Desk) -> int:
    return len([e for e in desk.tenant.calls("token") if e["detail"].get("grant") == "password"])


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("unreachable", {}), ("answer_lost", {}), ("html", {"status": 200}),
        ("status", {"status": 429, "retry_after": 0}), ("status", {"status": 503}),
        ("status_after", {"status": 504}),
    ],
)  # fmt: skip
def test_one_probe_is_one_request(
    desk: Desk, new_password: Callable[[], str], kind: str, how: dict[str, object]
) -> None:
    """Whatever becomes of the answer, one probe sends one password sign-in."""
    desk.store(new_password())
    desk.tenant.arm("token", kind, times=0, **how)

    for _ in range(8):  # retries of steps and more
        before = len(desk.tenant.calls("token"))
        with contextlib.suppress(Unreachable, BudgetSpent):
            desk.client.probe_password(ACCOUNT_SECRET)
        assert len(desk.tenant.calls("token")) - before <= 1

    assert len(desk.tenant.calls("token")) <= desk.settings.probes_allowed
    assert not desk.user()["locked"]


@pytest.mark.parametrize("pass_through", [False, True])
def test_a_wrong_entra_password_is_tried_once_in_a_run(
    desk: Desk, new_password: Callable[[], str], pass_through: bool
) -> None:
    """A second probe of the same run is refused before it is sent."""
    desk.store(new_password())
    with EntraClient(
        replace(desk.settings, pass_through=pass_through), desk.vault, timing=desk.clock.timing()
    ) as client:
        assert client.probe_password(ACCOUNT_SECRET).verdict.password_accepted is False
        for _ in range(5):
            with pytest.raises(BudgetSpent):
                client.probe_password(ACCOUNT_SECRET)

    assert _probes(desk) == 1


def test_fifteen_runs_with_one_wrong_entra_password_do_not_lock(
    desk: Desk, new_password: Callable[[], str]
) -> None:
    """Smart lockout remembers a wrong password: fifteen runs with the same one count as one."""
    desk.store(new_password())
    for _ in range(15):
        with desk.again() as client:
            client.probe_password(ACCOUNT_SECRET)

    assert desk.user(USER)["failures"] == 1
    assert not desk.user(USER)["locked"]


def test_the_connector_alone_does_not_remember_runs(
    desk: Desk, new_password: Callable[[], str]
) -> None:
    """With pass-through each new client counts: it is the ledger that bounds them (tests/flows/test_ledger.py)."""
    desk.tenant.do("set_lockout", pass_through=True)
    desk.store(new_password())
    for _ in range(15):
        with desk.again(pass_through=True) as client:
            client.probe_password(ACCOUNT_SECRET)

    assert desk.user(USER)["locked"]
    assert _probes(desk) == 15  # one for each run
