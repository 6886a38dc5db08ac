"""HTML and SVG by construction: text is always escaped, and nothing but an element is markup."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from report.text import printable

_VOID = frozenset({"meta", "br", "col", "hr"})


class Markup(str):
    """Text that is markup already. Only ``element`` and ``join`` make it."""

    __slots__ = ()


Child: TypeAlias = "str | Markup | Iterable[Child] | None"
Value: TypeAlias = "str | float | None"


def element(_name: str, *children: Child, **attributes: Value) -> Markup:
    """Return an element. ``class_`` is class, ``aria_label`` is aria-label; an attribute that is None is left out."""
    shown = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if _name in _VOID:
        return Markup(f"<{_name}{shown}>")
    return Markup(f"<{_name}{shown}>{join(children)}</{_name}>")


def join(children: Child) -> Markup:
    """Return children one after the other; text among them is escaped."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return Markup(_text(children))
    return Markup("".join(map(join, children)))


def style(css: str) -> Markup:
    """Return a style element. The text is ours: it holds no markup."""
    return Markup(f"<style>{css}</style>")


def as_image(svg: Markup) -> str:
    """Return a drawing as an address that an image can have."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _text(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return escape(printable(str(value)))
