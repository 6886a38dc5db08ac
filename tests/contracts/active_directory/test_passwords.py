"""Passwords: set by the setter on the controller that was asked for, and what each refusal says."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ldap3.utils.log as ldap3_log
import pytest

from connectors.active_directory.session import Session
from connectors.errors import (
    InvalidInput,
    NotFound,
    NotPermitted,
    PolicyRefused,
    RotationError,
    SignInReason,
    SignInRefused,
    Unknown,
    Unreachable,
)
from connectors.models import SecretHandle
from connectors.secret import Secret
from sandbox import canary
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.contracts.active_directory.lab import (
    HOME,
    NAMES,
    THRESHOLD,
    Lab,
    Secrets,
    seed,
    settings_of,
)

NewPassword = Callable[[], str]


def test_controllers(lab: Lab, closed: str):
    """The controllers are the inventory's, in its order."""
    both = (closed, lab.standin.url)

    assert both == lab.client_with(controllers=both).controllers


def test_set(lab: Lab, account: SecretHandle, new: SecretHandle):
    """With Reset Password alone it is set; the new one signs in where it was set, the one before too."""
    before = lab.last_set(account)

    where = lab.setting_as().set_password(lab.dn_of(account), new)

    assert where == lab.standin.url
    assert lab.client.sign_in(new, where=where).account == account.path
    assert lab.client.sign_in(account, where=where).account == account.path
    assert lab.last_set(account) != before


def test_twice(lab: Lab, account: SecretHandle, new: SecretHandle):
    """The same secret twice is success: a reset asks neither for history nor for the minimum age."""
    client, dn = lab.setting_as(), lab.dn_of(account)
    lab.standin.do("set_policy", minimum_password_age=86400)

    try:
        first, second = client.set_password(dn, new), client.set_password(dn, new)
    finally:
        lab.standin.do("set_policy", minimum_password_age=0)

    assert first == second == lab.client.sign_in(new).where


def test_scramble(lab: Lab, account: SecretHandle):
    """Scrambled, the password is one that nobody has; twice, the one before stops signing in at once."""
    client, dn = lab.setting_as(), lab.dn_of(account)
    before = lab.last_set(account)

    assert client.scramble_password(dn) == lab.standin.url
    assert lab.last_set(account) != before
    client.scramble_password(dn)

    with pytest.raises(SignInRefused) as caught:
        lab.client.sign_in(account)
    assert caught.value.reason is SignInReason.WRONG_PASSWORD


def test_stays_locked(
    lab: Lab, account: SecretHandle, new: SecretHandle, new_password: NewPassword
):
    """A reset does not unlock."""
    wrong = lab.wrong(account.path, new_password())
    for _ in range(THRESHOLD):
        with pytest.raises(SignInRefused):
            lab.client_with(reserve=0).sign_in(wrong)

    lab.setting_as().set_password(lab.dn_of(account), new)

    assert lab.client.account_state(account.path).locked


@pytest.mark.parametrize("password", ["aA1!", "onlylowercaseletters"])
def test_policy(lab: Lab, account: SecretHandle, password: str):
    """A password that the policy refuses is PolicyRefused with its rules, and changes nothing."""
    bad = lab.secrets.put(f"bad-{account.path}", account.path, password)
    before = lab.last_set(account)

    with pytest.raises(PolicyRefused) as caught:
        lab.setting_as().set_password(lab.dn_of(account), bad)

    for word in ("length", "complexity", "history", "minimum age", "PSO", "Get-ADUserResultant"):
        assert word in caught.value.what_to_do()
    assert "sys/policies/password" in caught.value.what_to_do()
    assert lab.last_set(account) == before
    assert lab.client.sign_in(account).account == account.path


def test_refused_before_anything_is_sent(lab: Lab, account: SecretHandle, new: SecretHandle):
    """A DN outside the base, an empty password and a foreign controller are InvalidInput."""
    client, dn = lab.setting_as(), lab.dn_of(account)
    outside = "CN=x,OU=Service Accounts,DC=corp,DC=example,DC=test,DC=other"
    empty = lab.secrets.put(f"empty-{account.path}", account.path, "")

    for attempt in (
        lambda: client.set_password(outside, new),
        lambda: client.scramble_password(outside),
        lambda: client.may_set_password(outside),
        lambda: client.set_password(lab.settings.base_dn, new),
        lambda: client.set_password(dn, empty),
        lambda: client.set_password(dn, new, where="ldaps://elsewhere"),
    ):
        with pytest.raises(InvalidInput):
            attempt()


def test_nothing_there(lab: Lab, new: SecretHandle):
    """A user that is not there is NotFound."""
    client, dn = lab.setting_as(), f"CN=nobody,{lab.dn(HOME)}"

    for attempt in (
        lambda: client.set_password(dn, new),
        lambda: client.scramble_password(dn),
        lambda: client.may_set_password(dn),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_unreachable(lab: Lab, account: SecretHandle, new: SecretHandle, closed: str):
    """A controller that was asked for and is down is Unreachable; without asking the next one takes it."""
    client, dn = lab.setting_as(controllers=(closed, lab.standin.url)), lab.dn_of(account)
    before = lab.last_set(account)

    for attempt in (
        lambda: client.set_password(dn, new, where=closed),
        lambda: client.scramble_password(dn, where=closed),
        lambda: client.account_state(account.path, where=closed),
        lambda: client.sign_in(account, where=closed),
    ):
        with pytest.raises(Unreachable):
            attempt()
    assert lab.last_set(account) == before

    assert client.set_password(dn, new) == lab.standin.url


@pytest.fixture
def losing(lab: Lab) -> Iterator[None]:
    """Lose the answer to the next change: it arrives and is done, then the line breaks."""
    with pytest.MonkeyPatch.context() as patch:
        if lab.kind == "samba":
            replace = Session.replace

            def armed(self: Session, *arguments: Any) -> None:
                # Samba's wire knows bytes only: the fault is armed when the change is about to be sent.
                patch.undo()
                lab.standin.arm("request", "answer_lost")
                replace(self, *arguments)

            patch.setattr(Session, "replace", armed)
        else:
            lab.standin.arm("modify", "answer_lost")
        yield
    lab.standin.disarm()


@pytest.mark.usefixtures("losing")
def test_answer_lost(lab: Lab, account: SecretHandle, new: SecretHandle):
    """An answer that is lost is Unknown and names the controller; here it was set, and may be again."""
    client, dn, before = lab.setting_as(), lab.dn_of(account), lab.last_set(account)

    with pytest.raises(Unknown) as caught:
        client.set_password(dn, new)

    where = caught.value.identifiers["controller"]
    assert caught.value.__context__ is None
    assert lab.last_set(account) != before
    assert client.sign_in(new, where=where).where == where == lab.standin.url
    assert client.set_password(dn, new) == where


@pytest.fixture(scope="module")
def pair(
    authority: Authority, new_password: NewPassword, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """Start a domain with two controllers, between which a password takes an hour."""
    secrets = Secrets({name: new_password() for name in NAMES})
    certificate, key = authority.issue("dc-pair", "dc1.corp.example.test")
    config = {
        **seed(secrets.passwords),
        "port": 0,
        "replicas": 2,
        "tls": {"cert": str(certificate), "key": str(key)},
    }
    log: Path = tmp_path_factory.mktemp("pair") / "log"
    with StandIn.start("sandbox.active_directory", config, log) as standin:
        standin.do("set_lag", seconds=3600)
        settings = settings_of(standin, authority.ca_file)
        both = tuple(standin.endpoints["urls"])
        settings = dataclasses.replace(settings, controllers=both)
        yield Lab("active_directory", standin, secrets, settings)


def test_where(pair: Lab, new_password: NewPassword):
    """It is set on the controller that was asked for, seen there first, and on the other when it arrives."""
    account = pair.added(new_password())
    new = pair.secrets.put("new", account.path, new_password())
    client, (first, second) = pair.setting_as(), pair.settings.controllers
    state = client.account_state(account.path, where=first)
    pair.standin.forget()

    where = client.set_password(state.dn, new, where=second)

    def seen(url: str) -> object:
        found = client.account_state(account.path, where=url)
        assert found.read_from == url
        return found.password_last_set

    assert where == second
    assert {call["detail"]["replica"] for call in pair.standin.journal()} == {2}
    assert [call["detail"]["result"] for call in pair.standin.calls("modify")] == [0]
    assert client.sign_in(new, where=where).where == second
    assert seen(first) == state.password_last_set != seen(second)
    pair.standin.advance(3601)
    assert seen(first) == seen(second)


@pytest.fixture
def secrets_in_use(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Learn every secret that is made, random ones that nobody keeps included."""
    found: set[str] = set()
    initialise = Secret.__init__

    def initialised(self: Secret, value: str) -> None:
        initialise(self, value)
        found.add(value)

    monkeypatch.setattr(Secret, "__init__", initialised)
    return found


@pytest.fixture
def talkative(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Turn every log on, that of ldap3 with all that it can say."""
    detail = ldap3_log.get_library_log_detail_level()
    ldap3_log.set_library_log_detail_level(ldap3_log.EXTENDED)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "ldap3")
    yield caplog
    ldap3_log.set_library_log_detail_level(detail)


def test_tells_no_secret(
    lab: Lab,
    account: SecretHandle,
    new: SecretHandle,
    secrets_in_use: set[str],
    talkative: pytest.LogCaptureFixture,
):
    """No log at its most talkative and no error holds a password, and every step is logged."""
    client, dn = lab.setting_as(), lab.dn_of(account)
    simple = lab.secrets.put(f"simple-{account.path}", account.path, "onlylowercaseletters")
    wrong = lab.wrong("svc-setter", f"not-{lab.secrets.passwords['svc-setter']}")
    errors: list[RotationError] = []
    for attempt in (
        lambda: client.set_password(dn, new),
        lambda: client.scramble_password(dn),
        lambda: client.set_password(dn, simple),
        lambda: lab.setting_as("svc-none").set_password(dn, new),
        lambda: lab.client_with(setter=wrong).set_password(dn, new),
    ):
        try:
            attempt()
        except RotationError as error:
            errors.append(error)

    told = [
        f"{record.name} {record.getMessage()} {record.args!r} {record.exc_info}"
        for record in talkative.records
    ]
    told += [f"{e!s} {e!r} {e.__dict__} {e.what_to_do()}" for e in errors]
    # The form in which a password travels, as Python shows bytes.
    told += [line.replace("\\x00", "") for line in told]
    search = canary.Search(secrets_in_use)
    assert [type(error) for error in errors] == [PolicyRefused, NotPermitted, NotPermitted]
    assert [error.__context__ for error in errors] == [None] * 3
    assert len(secrets_in_use) >= 7
    assert [line for line in told if search.encodings(line.encode())] == []
    ours = {r.name.split(".")[0] for r in talkative.records if "controller" in r.getMessage()}
    assert ours == {"connectors"}
    assert [line for line in told if "set password: done" in line]
    assert [line for line in told if "scramble password: done" in line]
