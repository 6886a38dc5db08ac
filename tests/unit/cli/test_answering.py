"""A form at the terminal: the guide is readable, and nothing but an answer of the form's shape gets through."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from cli.answering import Terminal, somebody_is_here
from cli.output import Progress
from connectors.models import Extension, SecretHandle
from flows._form import ActiveDirectoryForm, Microsoft365Form
from flows.asking import Form
from report.guide import Guide, guide

Typed = Callable[..., list[str]]


@pytest.fixture
def shown() -> StringIO:
    """Return what the terminal shows."""
    return StringIO()


@pytest.fixture
def terminal(shown: StringIO) -> Terminal:
    """Return a terminal of 80 columns."""
    return Terminal(Console(file=shown, width=80), Progress(None))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Return a function that says what will be typed."""

    def lines(*keys: str) -> list[str]:
        left = list(keys)
        monkeypatch.setattr("builtins.input", lambda *_: left.pop(0))
        return left

    return lines


def _form(kind: type[ActiveDirectoryForm | Microsoft365Form]) -> Form[ActiveDirectoryForm]:
    told = Guide(
        service="hq",
        connection="hq-ad",
        extension=Extension.ACTIVE_DIRECTORY,
        row="corp.example.com",
        account="svc@corp.example.com",
        secret=SecretHandle("kv", "hq/ad", 3),
        hours=24,
        notes=("Ines hands this over to you. [red]x[/]",),
    )
    return Form("k", kind, guide(told), 24)  # type: ignore[arg-type]  either kind


def test_asks_for_every_field(terminal: Terminal, shown: StringIO, typed: Typed) -> None:
    """Choices are picked by number, texts are typed; what is wrong is asked for once more."""
    left = typed("7", "1", "", "x" * 101, "Op One", "1", "all well")

    said = terminal.answer(_form(ActiveDirectoryForm))

    assert left == []
    assert said.model_dump() == {
        "outcome": "I have saved the new credential",
        "your_name": "Op One",
        "check_settings": "It passed",
        "remark": "all well",
    }
    text = shown.getvalue()
    assert "This is needed." in text
    assert "At most 100 characters." in text
    assert "vault kv get -mount=kv -version=3 -field=password hq/ad" in text
    assert "[red]x[/]" in " ".join(text.split())


def test_what_is_not_needed_may_be_left_empty(terminal: Terminal, typed: Typed) -> None:
    """An empty line leaves a field that has a default."""
    typed("1", "Op One", "1", "1", "", "3", "")
    said = terminal.answer(_form(Microsoft365Form))
    assert (said.consent_status, said.remark) == ("", "")  # type: ignore[attr-defined]


def test_nobody_is_asked_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one of the streams is no terminal nobody is there."""
    monkeypatch.setattr("sys.stdin", StringIO())
    assert not somebody_is_here()
