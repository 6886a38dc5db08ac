"""What drawings share: a frame with a title and a description, and text that fits its place."""

from __future__ import annotations

from report.pages.colours import PICTURES, VARIABLES
from report.pages.markup import Child, Markup, element, style

WIDTH = 760


def framed(
    height: float, title: str, description: str, *children: Child, name: str, alone: bool
) -> Markup:
    """Return a drawing. ``alone``: an image of its own, with its colours and a background; else part of a page.

    ``name`` is unique in the page. Who does not see the drawing hears title and description.
    """
    own: dict[str, str] = {"xmlns": "http://www.w3.org/2000/svg"} if alone else {}
    background = (
        element("rect", width=WIDTH, height=height, rx=8, fill="var(--paper)") if alone else None
    )
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-description"),
        style(VARIABLES + PICTURES) if alone else None,
        background,
        *children,
        class_="picture",
        viewBox=f"0 0 {WIDTH} {height:g}",
        width=WIDTH,
        height=height,
        role="img",
        aria_labelledby=f"{name}-title {name}-description",
        **own,
    )


def text(x: float, y: float, said: str, *, class_: str | None = None, end: bool = False) -> Markup:
    """Return a text; ``end``: x is where it ends."""
    return element("text", said, x=x, y=y, class_=class_, text_anchor="end" if end else None)


def fitted(said: str, letters: int) -> str:
    """Shorten a text to so many letters."""
    return said if len(said) <= letters else f"{said[: letters - 1]}…"
