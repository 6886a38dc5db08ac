"""What is kept of a run can be read again, also by later versions, and says when it cannot."""

from __future__ import annotations

import pytest

from connectors.errors import OutOfStep
from report import document
from tests.unit.report import whole


def test_it_is_read_as_it_was_kept() -> None:
    """Through JSON and back, nothing is lost."""
    kept = whole.document()
    assert document.read(kept.model_dump(mode="json")) == kept


def test_fields_of_a_newer_version_are_left_out() -> None:
    """A record with more in it than is known here can be read."""
    data = whole.document().model_dump(mode="json")
    data["surprise"] = data["connections"][0]["surprise"] = 1
    assert document.read(data) == whole.document()


@pytest.mark.parametrize("change", [{"schema_version": 2}, {"started": "soon"}, {"outcome": None}])
def test_what_is_not_understood_is_said(change: dict[str, object]) -> None:
    """Another schema or form is refused with what to do, and without the foreign text."""
    with pytest.raises(OutOfStep) as refused:
        document.read(whole.document().model_dump(mode="json") | change)
    assert "newer version" in refused.value.what_to_do()
    assert "soon" not in str(refused.value)
    assert refused.value.__context__ is None


def test_every_step_is_accounted_for() -> None:
    """Each step of the procedure has its tries, or the reason why there was none."""
    for step in whole.document().connections[0].steps:
        assert bool(step.tries) is not bool(step.why_not), step.number
