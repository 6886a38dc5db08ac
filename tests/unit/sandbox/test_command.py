"""What ``python -m sandbox`` refuses before it starts anything."""

from __future__ import annotations

import sys

import pytest

from sandbox import __main__ as sandbox_command


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let every start be a failure of the test."""

    def started(*_: object, **__: object) -> int:
        pytest.fail("something was started")

    monkeypatch.setattr(sandbox_command, "_attempt", started)
    monkeypatch.setattr(sandbox_command, "available", lambda: None)
    return monkeypatch


@pytest.mark.parametrize(
    ("arguments", "path", "says"),
    [
        (("--directory", "samba"), None, "make up AD=samba DRIVER=operator"),
        ((), "/nowhere", "apt install chromium"),
    ],
    ids=["a real directory's clock", "no browser"],
)
def test_a_person_who_cannot_play(
    refusal: pytest.MonkeyPatch, arguments: tuple[str, ...], path: str | None, says: str
) -> None:
    """A demo that could not come to its end is refused with what to do."""
    refusal.setattr(sys, "argv", ["sandbox", "demo", "--driver", "operator", *arguments])
    if path is not None:
        refusal.setenv("PATH", path)
    with pytest.raises(SystemExit) as refused:
        sandbox_command.main()
    assert says in str(refused.value)
