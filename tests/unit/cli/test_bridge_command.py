"""``account-rotation bridge check``: whose bridge, whose secret, and what is permitted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import examining
from cli.bridge_clients import ClientFile, Target, place, settings_of
from cli.bridges import EXAMINED
from cli.documented import keys_in
from cli.exits import Exit
from connectors.cayosoft.conformance.checks import Result, Verdict
from connectors.cayosoft.conformance.examining import all_checks
from connectors.errors import InvalidInput, NotFound
from connectors.models import SecretHandle
from tests.unit.cli.support import typed

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "deployments" / "inventory.example.yaml"
URL = "https://bridge.example.test"


@pytest.fixture
def client_file(tmp_path: Path, new_password: Callable[[], str]) -> Path:
    """Write a client's secret into a file of its own."""
    file = tmp_path / "client.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"client_id": "rotation", "client_secret": new_password()}))
    return file


def test_the_inventory_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service of the inventory names address, client and CA; its address alone finds them too."""
    monkeypatch.setenv("ROTATION_INVENTORY", str(EXAMPLE))
    from inventory.loader import load  # noqa: PLC0415

    service = next(s for s in load(EXAMPLE).services if s.console.url)
    named = settings_of(Target(service.name))
    assert named.url == service.console.url
    assert service.console.client is not None
    assert named.client == service.console.client.handle
    assert settings_of(Target(f"{service.console.url}/")) == named


def test_said_in_options(tmp_path: Path, client_file: Path) -> None:
    """Without an inventory everything is said in options, and nothing but places."""
    found = settings_of(Target(URL, client="kv/a/b", ca_file=tmp_path / "ca.pem"))
    assert (found.url, found.client) == (URL, SecretHandle("kv", "a/b"))
    assert settings_of(Target(URL, client_file=client_file)).client.mount == "file"


@pytest.mark.parametrize(
    ("target", "field"),
    [
        (Target(URL), "client"),
        (Target(URL, client="kv"), "--client"),
        (Target(URL, client="kv/a", client_file=Path("x")), "client"),
        (Target("http://bridge.example.test", client="kv/a"), "url"),
        (Target("https://me:secret@bridge.example.test", client="kv/a"), "url"),
    ],
)
def test_what_cannot_be_used(target: Target, field: str) -> None:
    """A wrong choice is refused by the name of the field, and an address with a password is not repeated."""
    with pytest.raises(InvalidInput, match=f"field={field}") as refused:
        settings_of(target)
    assert "me:secret" not in str(refused.value) + refused.value.what_to_do()


def test_an_unknown_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is no service is refused with those that are."""
    monkeypatch.setenv("ROTATION_INVENTORY", str(EXAMPLE))
    with pytest.raises(InvalidInput, match="service=nowhere"):
        settings_of(Target("nowhere"))


def test_the_file_of_the_client(client_file: Path) -> None:
    """The client's secret is read from a file that only its owner may read; the rest comes from Vault."""
    source = ClientFile(client_file, None)
    assert set(source.document(SecretHandle("file", "x"))) == {"client_id", "client_secret"}
    with pytest.raises(NotFound):
        source.credential(place("kv/a", "--credential"))
    client_file.chmod(0o640)
    with pytest.raises(InvalidInput) as refused:
        source.document(SecretHandle("file", "x"))
    assert "chmod 600" in refused.value.what_to_do()


@pytest.mark.parametrize("content", ["", "[]", '{"client_id": 1}'])
def test_a_file_of_another_form(client_file: Path, content: str) -> None:
    """A file that is none is refused with its form, and not quoted."""
    client_file.write_text(content)
    with pytest.raises(InvalidInput) as refused:
        ClientFile(client_file, None).document(SecretHandle("file", "x"))
    assert '"client_id"' in refused.value.what_to_do()


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (["--row", "active_directory/x"], "--row"),
        (["--write", "--row", "x"], "--row"),
        (["--save", "active_directory/x", "--credential", "kv/a"], "--save"),
        (["--write", "--save", "active_directory/x"], "--save"),
    ],
)
def test_permission_is_not_guessed(
    client_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    wrong: str,
) -> None:
    """What is said half is refused before anything is sent."""
    monkeypatch.setenv("ROTATION_VAULT_ADDR", "https://127.0.0.1:9")
    monkeypatch.setenv("ROTATION_VAULT_AUTH", "token")
    monkeypatch.setenv("ROTATION_VAULT_TOKEN_FILE", str(client_file))
    words = ["bridge", "check", URL, "--client-file", str(client_file), *options]
    shown = typed(monkeypatch, capsys, *words)
    assert shown.code in (Exit.USAGE, Exit.REFUSED)
    assert wrong in shown.err
    assert shown.out == ""


def _pretend(
    monkeypatch: pytest.MonkeyPatch, verdict: Verdict, *, unanswered: bool = False
) -> None:
    results = [Result(check, Verdict.PASSED, "seen") for check in all_checks()]
    results[3] = Result(results[3].check, verdict, "said \x1b[31m", unanswered=unanswered)
    monkeypatch.setattr(examining, "made", lambda *_: iter(results))


@pytest.mark.parametrize(
    ("verdict", "unanswered", "code", "outcome"),
    [
        (Verdict.PASSED, False, Exit.OK, "Conforms"),
        (Verdict.SKIPPED, False, Exit.OK, "Conforms"),
        (Verdict.SKIPPED, True, Exit.UNREACHABLE, "Not known"),
        (Verdict.FAILED, False, Exit.CHECK_FAILED, "Does not conform"),
    ],
)
def test_how_it_ends(
    client_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdict: Verdict,
    unanswered: bool,
    code: Exit,
    outcome: str,
) -> None:
    """The exit code says whether the bridge conforms; a check that failed shows the sentence it broke."""
    _pretend(monkeypatch, verdict, unanswered=unanswered)
    words = ("bridge", "check", URL, "--client-file", str(client_file))
    shown = typed(monkeypatch, capsys, *words)
    assert shown.code == code
    assert f"{outcome}: {len(all_checks())} checks" in shown.out
    assert ("(docs/console-bridge.md, rule" in shown.out) is (verdict is Verdict.FAILED)
    assert "\x1b[31m" not in shown.out
    data = json.loads(typed(monkeypatch, capsys, *words, "--json").out)
    assert data["outcome"] == outcome
    assert keys_in(data) == set(EXAMINED)
