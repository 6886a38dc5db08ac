"""Files that are no YAML are refused at the right line, in our own words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inventory.problems import Problem

Mistakes = Callable[[str | bytes], tuple[Problem, ...]]

SYNTAX: dict[str, tuple[str | bytes, int, str]] = {
    "empty": ("", 1, "the file is empty"),
    "comments only": ("# nothing\n\n", 1, "the file is empty"),
    "tab": ("version: 1\nservices:\n\t- name: hq\n", 3, "a tab in the indentation"),
    "colon in a text": ("version: 1\nservices: a: b\n", 2, "a colon stands where"),
    "no colon": ("version: 1\nservices\nguardian: {}\n", 2, "no colon"),
    "unclosed quote": ("version: 1\nservices: 'x\n\n\n", 2, "a quote is opened"),
    "unclosed bracket": ("version: 1\nservices: [\n", 2, "this is no YAML"),
    "alias": ("version: 1\nservices: *x\n", 2, "a text begins with an asterisk"),
    "at sign": ("version: 1\nservices: @x\n", 2, "a text begins with a character"),
    "backslash": ('version: 1\nservices: "CORP\\svc"\n', 2, "a backslash stands in double quotes"),
    "indentation": ("version: 1\nguardian:\n    a: 1\n  b: 2\n", 4, "the indentation fits no line"),
    "second document": ("version: 1\n---\nversion: 1\n", 2, "a second document begins"),
    "control character": ("version: 1\nservices: \x01\n", 2, "a control character"),
    "not UTF-8": (b"version: 1\nservices: \xff\n", 2, "the text is not UTF-8"),
    "bottomless": ("[" * 1500, 1, "the blocks are nested too deeply"),
    "itself": ("version: 1\nguardian: &x\n  accounts: *x\n", 2, "an alias repeats itself"),
    "no such character": ('version: 1\nservices: "\\UFFFFFFFF"\n', 1, "an escaped character"),
}  # fmt: skip


@pytest.mark.parametrize("name", SYNTAX)
def test_refuses(name: str, mistakes: Mistakes) -> None:
    """The first mistake has the line where a person must look."""
    text, line, message = SYNTAX[name]

    first = mistakes(text)[0]

    assert (first.line, first.field) == (line, "")
    assert first.message.startswith(message) or message in first.message
    assert first.fix


def test_finds_every_tab(mistakes: Mistakes) -> None:
    """Each line with a tab is named, not only the first."""
    found = mistakes("version: 1\nservices:\n\t- name: hq\n\t  console: x\n")

    assert [(problem.line, problem.message) for problem in found] == [
        (3, "a tab in the indentation"),
        (4, "a tab in the indentation"),
    ]


def test_bounds_what_aliases_make(mistakes: Mistakes) -> None:
    """A small file that unfolds into millions of values is refused quickly."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert mistakes("\n".join(lines))[0].message == "an alias repeats itself"


def test_takes_an_alias(example: str, mistakes: Mistakes) -> None:
    """A block may be written once and named again."""
    once = example.replace(
        "    reader:\n      path: account-rotation/corp", "    reader: &r\n      path: all"
    )
    text = once.replace("    reader:\n      path: account-rotation/branch-reader", "    reader: *r")

    assert "*r" in text
    assert mistakes(text) == ()


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "42\n"])
def test_wants_fields(text: str, mistakes: Mistakes) -> None:
    """A file that holds something else than fields is told what it must hold."""
    (found,) = mistakes(text)

    assert found.message == "must be a block of fields"
    assert "version, directories, tenants, services" in found.fix


def test_takes_a_byte_order_mark(example: str, mistakes: Mistakes) -> None:
    """Files from Windows editors begin with a mark that means nothing."""
    assert mistakes("\ufeff" + example.replace("\n", "\r\n")) == ()
