"""The scripted person at the real Prefect UI: a form with a field of every kind, read, answered, resumed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from sandbox.operator.at_prefect import PrefectPerson
from sandbox.operator.browser import browser
from tests.running import Server
from tests.waiting import eventually

pytestmark = [pytest.mark.prefect, pytest.mark.browser]

GUIDE = """## The steps

1. Open **Home** > `Configuration`
2. Choose *Check Settings*

[The console](https://console.example.test/)"""


class Form(RunInput):
    """What is asked."""

    said: Literal["Passed", "Failed", "Something else"] = Field(title="What did it say?")
    name: Annotated[str, Field(min_length=1)] = Field(title="Your name", description="Not checked.")
    comment: str = Field(default="", title="Comment")
    unticked: bool = Field(default=False, title="The box stayed unticked")
    rows: int = Field(title="How many rows?", ge=0)


@flow
def asks() -> str:
    """Wait for a person, and return the answer."""
    form = Form.with_initial_data(description=GUIDE)
    answer = suspend_flow_run(wait_for_input=form, key="form", timeout=600)
    return answer.model_dump_json()


def _start() -> FlowRun:
    """Return a run of a deployment (no other may be suspended) that waits for its answer."""
    with get_client(sync_client=True) as client:
        deployed = client.create_deployment(
            client.create_flow(asks), "asks", entrypoint="none:asks"
        )
        run = client.create_flow_run_from_deployment(deployed)
        with suppress(Pause):
            run_flow(asks, flow_run=run)
        return client.read_flow_run(run.id)


def _go_on(run: FlowRun) -> Any:
    """Let a run that was resumed go on to its end; return its result."""
    with get_client(sync_client=True) as client:
        resumed = client.read_flow_run(run.id)
    assert resumed.state
    assert resumed.state.name == "Resuming"
    return run_flow(asks, flow_run=resumed)


def test_answers_a_form(prefect_api: Server, tmp_path: Path) -> None:
    """The guide is read as it is rendered, half an answer and a wrong one are complained about, the whole one resumes."""
    run = _start()
    with browser() as started:
        person = PrefectPerson(started.new_page(), prefect_api.url)
        person.open_run(str(run.id))
        person.press_resume()
        assert "Open Home > Configuration" in " ".join(person.guide().split())
        assert (
            person.guide_share() < 1
        )  # five fields leave no room for it on a screen of 720 pixels
        person.page.set_viewport_size({"width": 1280, "height": 1400})
        eventually(person.guide_share, lambda share: share == 1, 10)
        assert person.titles() == [
            "What did it say?",
            "Your name",
            "Comment",
            "The box stayed unticked",
            "How many rows?",
        ]
        assert person.choices("What did it say?") == ["Passed", "Failed", "Something else"]
        person.fill({"Your name": "A person", "The box stayed unticked": True})
        assert person.submit() == ["'said' is a required property", "'rows' is a required property"]
        person.fill({"What did it say?": "Something else", "How many rows?": -5})
        (complaint,) = person.submit()
        assert "-5 is less than the minimum of 0" in complaint
        person.fill({"How many rows?": 4})
        person.screenshot(tmp_path / "form.png")
        assert person.submit() == []
    assert (tmp_path / "form.png").read_bytes().startswith(b"\x89PNG")
    assert (
        _go_on(run)
        == Form(
            said="Something else", name="A person", comment="", unticked=True, rows=4
        ).model_dump_json()
    )
