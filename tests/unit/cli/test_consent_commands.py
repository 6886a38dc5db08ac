"""``account-rotation consent``."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from cli.consenting import capture_to, look, restore_from, show
from connectors.entra.granted import ConsentEvent, ConsentHistory
from connectors.entra.manifest import load_manifest
from connectors.entra.planning import plan
from connectors.entra.snapshot import to_json
from connectors.errors import InvalidInput, NotFound, OutOfStep
from connectors.protocols import TenantService
from tests.fakes.directory import START
from tests.fakes.tenant import APP, FakeTenant
from tests.unit.entra.test_snapshot import SNAPSHOT

EXAMPLE = "example-not-the-vendors-list"


class Screen(Console):
    """A console whose text can be read."""

    def __init__(self) -> None:
        self.text = StringIO()
        super().__init__(file=self.text, width=200)

    def __str__(self) -> str:
        return self.text.getvalue()


@pytest.fixture
def fake() -> FakeTenant:
    """Return a tenant in which all is granted."""
    return FakeTenant()


def tenant(fake: FakeTenant) -> TenantService:
    """Return the fake as what the verbs ask for."""
    return cast("TenantService", fake)


def review(fake: FakeTenant, screen: Screen) -> bool:
    """Look at the consent as the verb does, show it, and say whether it is as it must be."""
    seen = look(tenant(fake), "svc@x", EXAMPLE, withdraw_beyond=False)
    show(seen, screen)
    return seen.reviewed.ready


def test_review_of_a_good_tenant(fake: FakeTenant) -> None:
    """The verdict comes with an empty plan and with who consented."""
    fake.history = ConsentHistory((ConsentEvent(START, "jo@x", True, succeeded=True),))
    screen = Screen()
    assert review(fake, screen)
    assert "Fully granted" in str(screen)
    assert "No remedy." in str(screen)
    assert "jo@x consented, on behalf of the whole organization." in str(screen)


def test_review_names_the_plan(fake: FakeTenant) -> None:
    """What is missing is named with what to do, and the plan with its digest."""
    fake.withheld, fake.organization = {"User.Read.All"}, {"User.Read"}
    fake.history = ConsentHistory((ConsentEvent(START, "jo@x", True, succeeded=True),))
    screen = Screen()
    assert not review(fake, screen)
    manifest = load_manifest(EXAMPLE)
    made = plan(manifest, fake.consent_facts("", "", manifest), fake.user)
    assert f"A remediation {made.digest} would:" in str(screen)
    assert str(screen).count("jo@x consented, on behalf of the whole organization.") == 2
    for line in made.lines():
        assert line in str(screen)


def test_what_was_not_checked_is_said(fake: FakeTenant) -> None:
    """What could not be read of grants and history is listed as not checked, and nothing is concluded."""
    fake.complete = False
    fake.history = ConsentHistory((), ("who consented and when: it needs a right",))
    screen = Screen()
    assert not review(fake, screen)
    assert "Could not be determined" in str(screen)
    assert "Not checked: the grants could not be read" in str(screen)
    assert "Not checked: who consented and when: it needs a right" in str(screen)
    assert "No remedy." in str(screen)


def test_capture_keeps_a_file_that_exists(fake: FakeTenant, tmp_path: Path) -> None:
    """What the tenant holds is written once, and never over something else."""
    fake._facts = lambda _: FakeTenant._facts(fake, load_manifest(EXAMPLE))  # type: ignore[method-assign]
    file = tmp_path / "mine.json"
    capture_to(tenant(fake), "svc@x", APP.display_name, "mine-13.3", file)
    assert load_manifest(file).permissions == load_manifest(EXAMPLE).permissions
    with pytest.raises(InvalidInput):
        capture_to(tenant(fake), "svc@x", APP.display_name, "mine-13.3", file)
    assert json.loads(file.read_text())["name"] == "mine-13.3"


@pytest.mark.parametrize(("apps", "error"), [((), NotFound), ((APP, APP), OutOfStep)])
def test_which_app(
    fake: FakeTenant, apps: tuple[object, ...], error: type[Exception], tmp_path: Path
) -> None:
    """Without exactly one app of the name nothing is concluded."""
    fake.apps = apps  # type: ignore[assignment]
    with pytest.raises(error):
        capture_to(tenant(fake), "svc@x", "The App", "mine", tmp_path / "mine.json")
    assert not (tmp_path / "mine.json").exists()


def test_restore_asks_first(fake: FakeTenant, tmp_path: Path) -> None:
    """Nothing is put back before a person says yes."""
    file = tmp_path / "snapshot.json"
    file.write_text(to_json(SNAPSHOT))
    screen = Screen()
    restore_from(tenant(fake), file, screen, really=False)
    assert "for the whole organization" in str(screen)
    assert "Nothing was changed; add --yes." in str(screen)
    assert fake.calls == []
    restore_from(tenant(fake), file, screen, really=True)
    assert fake.organization == {"Mail.Read", "User.Read"}
    assert "2 put back" in str(screen)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b'{"kind": "another"}'])
def test_restore_of_something_else(fake: FakeTenant, tmp_path: Path, content: bytes) -> None:
    """A file that is no snapshot is refused before anything is sent."""
    file = tmp_path / "snapshot.json"
    file.write_bytes(content)
    with pytest.raises(InvalidInput):
        restore_from(tenant(fake), file, Screen(), really=True)
    with pytest.raises(InvalidInput):
        restore_from(tenant(fake), tmp_path / "none.json", Screen(), really=True)
    assert fake.calls == []
