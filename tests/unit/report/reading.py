"""Read a page as a browser does: its elements with their attributes, and its text."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """``tags`` are the elements in order, ``text`` is everything that is shown or told."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.pieces: list[str] = []
        self.style = ""
        self._in_style = False
        self.feed(source)
        self.close()

    @property
    def names(self) -> set[str]:
        """The kinds of elements."""
        return {name for name, _ in self.tags}

    @property
    def text(self) -> str:
        """All text, with single spaces."""
        return " ".join(" ".join(self.pieces).split())

    def attributes(self, name: str) -> list[dict[str, str]]:
        """Return the attributes of every element of a kind."""
        return [held for tag, held in self.tags if tag == name]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        """Leave the style."""
        self._in_style = False

    def handle_data(self, data: str) -> None:
        """Remember a text."""
        if self._in_style:
            self.style += data
        else:
            self.pieces.append(data)
