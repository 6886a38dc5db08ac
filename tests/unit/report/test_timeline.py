"""The timeline: what it shows, where it stands, and what it says to those who do not see it."""

from __future__ import annotations

import base64
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from report.document import ConnectionOfRun, Document
from report.pages import timeline
from report.pages.markup import as_image
from report.pages.spans import Axis, Kind, lines
from report.pages.words import age, length, version
from tests.unit.report import whole

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def kept() -> Document:
    """Return a run with everything."""
    return whole.document()


@pytest.fixture
def item(kept: Document) -> ConnectionOfRun:
    """Return its connection."""
    return kept.connections[0]


def test_every_try_has_its_bar(kept: Document, item: ConnectionOfRun) -> None:
    """Each step that ran has a line in the order of its start, with a bar per try; the wait and the gap have their own."""
    shown = lines(item, kept.waits)
    assert [line.number for line in shown] == [
        "P1", "", "N1", "N2", "N3", "", "N4", "E1", "E2", "E3", "E4", "E5", "E6", "E7", "R1", "V5", "V6", "V7",
        "V5u",
    ]  # fmt: skip
    kinds = {line.number or line.title: [bar.kind for bar in line.bars] for line in shown}
    assert kinds["E2"] == [Kind.RETRYING, Kind.DONE]
    assert kinds["E5"] == [Kind.ALREADY_SO]
    assert kinds["V7"] == [Kind.FAILED]
    assert kinds["waited for a person"] == [Kind.WAIT]
    assert kinds["gap: console holds the previous password"] == [Kind.GAP]


def test_a_long_wait_leaves_room_for_the_steps(kept: Document, item: ConnectionOfRun) -> None:
    """Four hours in which a person was asked take a small part of the axis, and it is broken there."""
    axis = Axis(lines(item, kept.waits))
    (broken,) = [it for it in axis.stretches if it.broken]
    assert broken.seconds == pytest.approx(whole.WAITED, abs=1)
    assert broken.right - broken.left < 0.1
    assert axis.stretches[-1].right == pytest.approx(1)


def test_later_is_further_right(kept: Document, item: ConnectionOfRun) -> None:
    """A later moment never stands further left, and none stands outside."""
    axis = Axis(lines(item, kept.waits))
    moments = [whole.START + timedelta(seconds=at * axis.seconds / 200) for at in range(-3, 210)]
    places = [axis.at(moment) for moment in moments]
    assert places == sorted(places)
    assert min(places) == 0
    assert max(places) == 1


def test_it_is_to_scale_where_it_is_not_broken(kept: Document, item: ConnectionOfRun) -> None:
    """Outside the break, twice the time is twice the width."""
    axis = Axis(lines(item, kept.waits))
    bars = {line.number: line.bars[0] for line in lines(item, kept.waits) if line.number}

    def width(number: str) -> float:
        return axis.at(bars[number].end) - axis.at(bars[number].start)

    assert width("N3") / width("N2") == pytest.approx(2, rel=0.01)
    assert width("E6") / width("V6") == pytest.approx(8.5, rel=0.01)


def test_it_is_told(kept: Document, item: ConnectionOfRun) -> None:
    """The sentences name how long it took, the longest step, retries, failures, the wait and the gap."""
    said = timeline.told(item, kept.waits)
    for wanted in (
        "17 steps in 4 h 12 min.", "The longest was E6 accept the permission request, 3.40 s.",
        "E2 tried again.", "V7 failed.", "Waited for a person: 4 h 12 min.", "4.32 s",
    ):  # fmt: skip
        assert wanted in said


def test_the_picture_stands_alone(kept: Document, item: ConnectionOfRun) -> None:
    """As an image it has title, description, colours for light and dark and a paper of its own, and loads nothing."""
    drawn = timeline.draw(item, kept.waits, alone=True)
    assert drawn is not None
    address = as_image(drawn)
    assert len(address) < 20_000
    root = ET.fromstring(base64.b64decode(address.partition(",")[2]).decode())
    title, told, style, paper = list(root)[:4]
    assert title.text == f"Timeline of {whole.NAME}"
    assert told.text == timeline.told(item, kept.waits)
    assert "prefers-color-scheme:dark" in (style.text or "")
    assert paper.tag == f"{SVG}rect"
    assert root.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")


def test_a_mark_goes_with_every_colour(kept: Document, item: ConnectionOfRun) -> None:
    """Every line shows the sign of how it ended."""
    drawn = timeline.draw(item, kept.waits, alone=False)
    for sign in "✔↷↻✘…↔":
        assert sign in (drawn or "")


def test_nothing_ran(item: ConnectionOfRun) -> None:
    """Without a step there is no picture, and that is said."""
    empty = item.model_copy(update={"steps": (), "gap": None})
    assert timeline.draw(empty, (), alone=True) is None
    assert timeline.told(empty, ()) == "No step was run."


def test_steps_that_took_no_time(item: ConnectionOfRun) -> None:
    """Steps at one moment, without any length, can be drawn."""
    first = item.steps[0].model_copy(
        update={"tries": (item.steps[0].tries[0].model_copy(update={"seconds": 0.0}),)}
    )
    only = item.model_copy(update={"steps": (first,), "gap": None})
    assert timeline.draw(only, (), alone=True) is not None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.004, "0.00 s"), (9.994, "9.99 s"), (9.996, "10.0 s"), (59.94, "59.9 s"), (60, "1 min"),
        (242, "4 min 2 s"), (15133, "4 h 12 min"), (7200, "2 h"), (273600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_lengths(seconds: float, said: str) -> None:
    """Lengths are told in their two largest units."""
    assert length(seconds) == said


def test_ages_and_versions() -> None:
    """An age is told in its largest unit; a version by its number, or the moment of a static role's rotation."""
    assert age(whole.START, whole.START + timedelta(hours=49)) == "2 d ago"
    assert age(whole.START, whole.START) == "just now"
    assert version("kv/a/b#12@2026-05-04T03:02:01.000+00:00") == "12"
    assert version("ldap/static#1777863721000@x") == "2026-05-04 03:02"
    assert version(None) == "-"
