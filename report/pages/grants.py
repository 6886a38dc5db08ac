"""The consent matrix as a picture, for where a table cannot be coloured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from report.document import ConnectionOfRun
from report.matrix import COLUMNS, SIGNS, Row, Upshot, summary
from report.pages.drawing import WIDTH, fitted, framed, text
from report.pages.markup import Markup, element

TONES = {
    Upshot.AS_IT_MUST_BE: "good",
    Upshot.MISSING: "bad",
    Upshot.MISSING_AND_FOR_EVERYBODY: "bad",
    Upshot.FOR_EVERYBODY: "warn",
    Upshot.EXTRA: "warn",
    Upshot.EXTRA_FOR_EVERYBODY: "warn",
}
"""How each is coloured; its sign and its words say it, too."""

_FIRST, _STEP, _LAST = 300.0, 78.0, 578.0
_ROW = 24.0


def draw(connection: ConnectionOfRun, *, alone: bool) -> Markup | None:
    """Return the picture; None where the consent was not reviewed, or holds no permission."""
    consent = connection.consent
    if consent is None or not consent.rows:
        return None
    groups = [(head, list(rows)) for head, rows in groupby(consent.rows, _group)]
    height = 40 + _ROW * (len(groups) + len(consent.rows)) + 10
    return framed(
        height,
        f"Consent of {connection.name}: {consent.verdict}",
        summary(consent.rows),
        [
            element("text", head, x=_FIRST + _STEP * at, y=24, class_="soft", text_anchor="middle")
            for at, head in enumerate(COLUMNS)
        ],
        text(_LAST, 24, "comes to", class_="soft"),
        list(_groups(groups)),
        name=f"consent-{connection.name}",
        alone=alone,
    )


def _group(row: Row) -> str:
    return f"{row.resource}, {row.kind}"


def _groups(groups: Sequence[tuple[str, list[Row]]]) -> Iterator[Markup]:
    top = 36.0
    for head, rows in groups:
        yield text(12, top + 16, fitted(head, 60), class_="strong")
        top += _ROW
        for row in rows:
            yield from _row(row, top)
            top += _ROW


def _row(row: Row, top: float) -> Iterator[Markup]:
    tone, baseline = TONES[row.upshot], top + 16
    yield element("rect", x=8.0, y=top + 1, width=WIDTH - 16.0, height=_ROW - 2, rx=3, class_=tone)
    yield text(16, baseline, fitted(row.permission, 34), class_=tone)
    for at, yes in enumerate(row.cells):
        yield element(
            "text",
            "●" if yes else "·",
            x=_FIRST + _STEP * at,
            y=baseline,
            class_=tone,
            text_anchor="middle",
        )
    said = f"{SIGNS[row.upshot]} {_SHORT[row.upshot]}"
    yield text(_LAST, baseline, said, class_=tone)


_SHORT = {
    Upshot.AS_IT_MUST_BE: "as it must be",
    Upshot.MISSING: "missing",
    Upshot.MISSING_AND_FOR_EVERYBODY: "missing, for everybody",
    Upshot.FOR_EVERYBODY: "for everybody",
    Upshot.EXTRA: "extra",
    Upshot.EXTRA_FOR_EVERYBODY: "extra, for everybody",
}
