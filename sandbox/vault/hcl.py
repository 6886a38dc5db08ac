"""The part of HCL, and of its JSON form, that policies are written in: attributes and labelled blocks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Block:
    """One block: its labels, attributes and inner blocks by name, in the order written."""

    labels: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    blocks: list[tuple[str, Block]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)  # where each name stands

    def named(self, name: str) -> list[Block]:
        """Return the inner blocks of one name."""
        return [block for key, block in self.blocks if key == name]

    def keys(self) -> set[str]:
        """Return every name used in this block."""
        return {*self.attributes, *(key for key, _ in self.blocks)}


_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<name>[A-Za-z_][\w.-]*)
      | (?P<mark>[{}\[\]=,])""",
    re.VERBOSE | re.DOTALL,
)


def parse(text: str) -> Block:
    """Parse a policy in HCL or JSON; ValueError when it is neither."""
    if text.lstrip().startswith("{"):
        return _from_json(json.loads(text))
    reader = _Reader(text)
    return reader.body(end=None)


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._lines: list[int] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                line = text.count("\n", 0, at) + 1
                column = at - text.rfind("\n", 0, at)
                why = "literal not terminated" if text[at] == '"' else "illegal character"
                raise ValueError(f"At {line}:{column}: {why}")
            if found.lastgroup and found.lastgroup != "space":
                self._tokens.append((found.lastgroup, found[0]))
                self._lines.append(text.count("\n", 0, at) + 1)
            at = found.end()
        self._next = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._next += 1
        return token

    def body(self, end: str | None, labels: tuple[str, ...] = ()) -> Block:
        block = Block(labels)
        while True:
            kind, text = self._take()
            if (kind, text) == ("end", "") and end is None:
                return block
            if end is not None and text == end and kind == "mark":
                return block
            if kind not in {"name", "string"}:
                raise ValueError(f"unexpected {text or 'end of file'!r}")
            name = _plain(kind, text)
            block.lines[name] = self._lines[self._next - 1]
            self._entry(block, name)
            if self._peek() == ("mark", ","):
                self._take()

    def _entry(self, block: Block, name: str) -> None:
        labels: list[str] = []
        while self._peek()[0] in {"name", "string"}:
            labels.append(_plain(*self._take()))
        mark = self._take()
        if mark == ("mark", "{"):
            block.blocks.append((name, self.body("}", tuple(labels))))
        elif mark == ("mark", "=") and not labels:
            if self._peek() == ("mark", "{"):
                self._take()
                block.blocks.append((name, self.body("}")))
            else:
                block.attributes[name] = self._value()
        else:
            raise ValueError(f"key {name!r} expected start of object ('{{') or assignment ('=')")

    def _value(self) -> Any:
        kind, text = self._take()
        if kind == "string":
            return _plain(kind, text)
        if kind == "number":
            return float(text) if "." in text else int(text)
        if (kind, text) in {("name", "true"), ("name", "false")}:
            return text == "true"
        if (kind, text) == ("mark", "["):
            return self._list()
        raise ValueError(f"unexpected value {text!r}")

    def _list(self) -> list[Any]:
        items: list[Any] = []
        while self._peek() != ("mark", "]"):
            items.append(self._value())
            if self._peek() == ("mark", ","):
                self._take()
            elif self._peek() != ("mark", "]"):
                raise ValueError("error parsing list, expected comma or list end")
        self._take()
        return items


def _plain(kind: str, text: str) -> str:
    return str(json.loads(text)) if kind == "string" else text


def _from_json(document: Any, labels: tuple[str, ...] = ()) -> Block:
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004 - callers catch one kind
    block = Block(labels)
    for name, value in document.items():
        if name in {"path", "rule"}:
            for entry in value if isinstance(value, list) else [value]:
                if not isinstance(entry, dict):
                    raise ValueError(f"{name} is not an object")  # noqa: TRY004 - as above
                for label, inner in entry.items():
                    inner = inner[0] if isinstance(inner, list) and inner else inner
                    block.blocks.append((name, _from_json(inner, (label,))))
        else:
            block.attributes[name] = value
    return block
