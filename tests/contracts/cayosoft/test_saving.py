"""Drafts and saves: nothing is lost, nothing is done twice, and a lost answer can be found out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.models import Draft
from connectors.errors import Conflict, InvalidInput, NotFound, Unknown, Unreachable
from tests.contracts.cayosoft.lab import ACCOUNTS, AD, DOMAIN, M365, TENANT_DOMAIN, Lab


def entered(console: BridgeConsole, label: str = "label") -> Draft:
    """Return a draft with the account's credential, as Vault has it."""
    return console.enter_credential(console.connection_row(AD, DOMAIN), ACCOUNTS[AD], label)


@pytest.fixture
def left_behind(lab: Lab, new_password: Callable[[], str]) -> Lab:
    """Return a console that still holds a password which no longer signs in."""
    lab.rotate(AD, new_password())
    assert not lab.signs_in(AD)
    return lab


def test_a_draft_changes_nothing(left_behind: Lab, console: BridgeConsole) -> None:
    """What is entered and thrown away was never there, however often it is thrown away."""
    before = console.connection_row(AD, DOMAIN)
    draft = entered(console)
    assert left_behind.row(AD)["drafts_open"] == 1
    console.discard(draft)
    console.discard(draft)
    assert before == console.connection_row(AD, DOMAIN)
    assert left_behind.row(AD)["drafts_open"] == 0
    with pytest.raises(NotFound):
        console.save(draft, "key")
    assert not left_behind.signs_in(AD)


@pytest.mark.parametrize(
    "fault",
    [{"kind": "answer_lost"}, {"kind": "status_after", "status": 502}],
    ids=lambda f: f["kind"],
)
def test_saved_but_the_answer_lost(left_behind: Lab, console: BridgeConsole, fault: dict) -> None:
    """The save is Unknown, the row tells that it happened, and the repeat saves nothing twice."""
    draft = entered(console)
    left_behind.console.arm("draft.save", **fault)
    with pytest.raises(Unknown):
        console.save(draft, "key-1")
    row = console.connection_row(AD, DOMAIN)
    assert row.saved_key == "key-1"
    assert left_behind.signs_in(AD)
    saves = left_behind.row(AD)["saves"]
    assert row == console.save(draft, "key-1")
    assert saves == left_behind.row(AD)["saves"]


@pytest.mark.parametrize(
    "fault",
    [{"kind": "unreachable"}, {"kind": "status", "status": 503}, {"kind": "html", "status": 502}],
    ids=lambda f: f["kind"],
)
def test_not_saved_and_no_answer(left_behind: Lab, console: BridgeConsole, fault: dict) -> None:
    """The save is Unknown, the row tells that it did not happen, and the repeat does it."""
    draft = entered(console)
    left_behind.console.arm("draft.save", **fault)
    with pytest.raises(Unknown):
        console.save(draft, "key-1")
    row = console.connection_row(AD, DOMAIN)
    assert (draft.base_revision, None) == (row.revision, row.saved_key)
    assert console.save(draft, "key-1").saved_key == "key-1"
    assert left_behind.signs_in(AD)


def test_saved_after_we_stopped_waiting(left_behind: Lab) -> None:
    """A console that is too slow has saved all the same: Unknown, and found out by reading."""
    impatient = left_behind.driver(timeout=0.4)
    draft = entered(impatient)
    left_behind.console.arm("draft.save", "delay", seconds=1.0)
    with pytest.raises(Unknown):
        impatient.save(draft, "key-1")
    deadline = time.monotonic() + 10
    while impatient.connection_row(AD, DOMAIN).saved_key != "key-1":
        assert time.monotonic() < deadline
    impatient.close()
    assert left_behind.signs_in(AD)


def test_expired_draft(left_behind: Lab, console: BridgeConsole) -> None:
    """A draft that was left alone is a conflict; nothing was saved, and its password is gone."""
    draft = entered(console)
    left_behind.console.do("expire_drafts")
    with pytest.raises(Conflict) as caught:
        console.save(draft, "key-1")
    assert caught.value.identifiers["problem"] == "draft-expired"
    assert draft.base_revision == console.connection_row(AD, DOMAIN).revision
    assert left_behind.row(AD)["drafts_open"] == 0
    console.discard(draft)


def test_drafts_expire_by_themselves(left_behind: Lab, console: BridgeConsole) -> None:
    """A draft says until when it can be saved, and keeps to it."""
    draft = entered(console)
    left_behind.console.advance(601)
    try:
        with pytest.raises(Conflict):
            console.save(draft, "key-1")
    finally:
        left_behind.console.advance(-601)
    assert not left_behind.signs_in(AD)


def test_somebody_saved_in_between(
    left_behind: Lab, console: BridgeConsole, new_password: Callable[[], str]
) -> None:
    """A person's save is not overwritten, whoever entered first, and leaves no mark of ours."""
    row = console.connection_row(AD, DOMAIN)
    draft = entered(console)
    changed = left_behind.console.do(
        "set_row", extension="active_directory", row=DOMAIN, password=new_password()
    )
    with pytest.raises(Conflict) as caught:
        console.save(draft, "key-1")
    assert caught.value.identifiers["problem"] == "revision-changed"
    now = console.connection_row(AD, DOMAIN)
    assert (changed["revision"], None, None) == (now.revision, now.secret_label, now.saved_key)
    with pytest.raises(Conflict):
        console.enter_credential(row, ACCOUNTS[AD], "label")


def test_two_drafts(left_behind: Lab, console: BridgeConsole) -> None:
    """Of two edits of the same revision the first that is saved wins."""
    first, second = entered(console, "one"), entered(console, "two")
    assert console.save(second, "key-2").secret_label == "two"
    with pytest.raises(Conflict):
        console.save(first, "key-1")
    assert console.connection_row(AD, DOMAIN).secret_label == "two"


def test_two_saves_at_once(left_behind: Lab) -> None:
    """The same save sent twice at the same moment is done once, and both get its answer."""
    one, two = left_behind.driver(), left_behind.driver()
    draft, saves = entered(one), left_behind.row(AD)["saves"]
    gate = threading.Barrier(2)

    def save(console: BridgeConsole) -> str:
        gate.wait(10)
        return console.save(draft, "key-1").revision

    with ThreadPoolExecutor(2) as pool:
        revisions = set(pool.map(save, (one, two)))
    assert len(revisions) == 1
    assert saves + 1 == left_behind.row(AD)["saves"]
    one.close()
    two.close()


def test_a_key_belongs_to_one_request(left_behind: Lab, console: BridgeConsole) -> None:
    """A key that saved one draft does not save another."""
    console.save(entered(console, "one"), "key-1")
    with pytest.raises(InvalidInput) as caught:
        console.save(entered(console, "two"), "key-1")
    assert caught.value.identifiers["status"] == "409"
    assert console.connection_row(AD, DOMAIN).secret_label == "one"


def test_a_refusal_frees_the_key(left_behind: Lab, console: BridgeConsole) -> None:
    """A save that was refused did not use its key up."""
    draft = entered(console)
    left_behind.console.do("expire_drafts")
    with pytest.raises(Conflict):
        console.save(draft, "key-1")
    assert console.save(entered(console), "key-1").saved_key == "key-1"


def test_keys_live_a_day(left_behind: Lab, console: BridgeConsole) -> None:
    """After 24 hours a key is forgotten."""
    draft = entered(console)
    console.save(draft, "key-1")
    try:
        left_behind.console.advance(24 * 3600 - 60)
        assert console.save(draft, "key-1").saved_key == "key-1"
        left_behind.console.advance(120)
        with pytest.raises(NotFound):
            console.save(draft, "key-1")
    finally:
        left_behind.console.advance(-24 * 3600 - 60)


@pytest.mark.parametrize("extension", [AD, M365])
def test_a_wrong_password_shows(
    lab: Lab, console: BridgeConsole, new_password: Callable[[], str], extension: str
) -> None:
    """A wrong password can be saved; Check Settings then says so with the directory's code."""
    name = DOMAIN if extension is AD else TENANT_DOMAIN
    handle = lab.publish(extension, new_password())
    draft = console.enter_credential(console.connection_row(extension, name), handle, "wrong")
    console.save(draft, "key-1")
    shown = console.check_settings(extension, name)
    assert not shown.ok
    assert ("52e" if extension is AD else "AADSTS50126") in shown.messages[0]
    assert not lab.signs_in(extension)


@pytest.mark.parametrize("extension", [AD, M365])
@pytest.mark.parametrize(
    "odd", ['"\\/<>&%+ ', "äß€", "ａ①\u00ad"], ids=["ascii", "latin", "compat"]
)
def test_any_character_survives(
    lab: Lab, console: BridgeConsole, new_password: Callable[[], str], extension: str, odd: str
) -> None:
    """A password reaches the directory as it is in Vault, character by character."""
    name = DOMAIN if extension is AD else TENANT_DOMAIN
    handle = lab.rotate(extension, f"{new_password()}{odd}x")
    draft = console.enter_credential(console.connection_row(extension, name), handle, "odd")
    console.save(draft, "key-1")
    assert lab.signs_in(extension)


def test_reads_are_repeatable(left_behind: Lab, console: BridgeConsole) -> None:
    """Whatever happens to the answer of a read or of a draft, the same again is safe: Unreachable."""
    row = console.connection_row(AD, DOMAIN)
    for route, act in {
        "session": console.sign_in,
        "extension.read": lambda: console.extension_enabled(AD),
        "row.read": lambda: console.connection_row(AD, DOMAIN),
        "draft.create": lambda: console.enter_credential(row, ACCOUNTS[AD], "label"),
        "check": lambda: console.check_settings(AD, DOMAIN),
    }.items():
        for kind in ("unreachable", "answer_lost", "status"):
            left_behind.console.arm(route, kind, retry_after=2)
            with pytest.raises(Unreachable):
                act()
            act()
    left_behind.console.do("expire_tokens")
    left_behind.console.arm("token", "answer_lost")
    with pytest.raises(Unreachable):
        console.save(entered(console), "key-1")
