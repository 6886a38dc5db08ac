"""The forms of a suspended run in the Prefect UI: what is answered. ``report`` has the texts above them."""

from __future__ import annotations

from typing import Annotated, Literal

from prefect.input import RunInput
from pydantic import Field

from connectors.cayosoft.operator import Box, Tried
from tasks._weighing import Choice

GRANT = "Carry out the plan"

Name = Annotated[str, Field(min_length=1, max_length=100)]
Remark = Annotated[str, Field(max_length=500)]
NAME, NAME_HELP = "Your name", "Kept in the report. Nothing checks that it is yours."
REMARK_HELP = "Anything unexpected. Never a password."

CHOICES = {
    "I have saved the new credential": Choice.SAVED,
    "Somebody else takes over": Choice.HAND_OVER,
    "I cannot, or will not": Choice.DECLINED,
}
PASSED: dict[str, bool | None] = {"It passed": True, "It failed": False, "I did not run it": None}
BOX = {
    "Left unticked": Box.UNTICKED,
    "Ticked": Box.TICKED,
    "No request was shown": Box.NOT_SHOWN,
}
TRIED = {
    "Created, changed and deleted": Tried.DONE,
    "The product refused it": Tried.REFUSED,
    "I did not try it": Tried.NOT_TRIED,
}


class Decision(RunInput):
    """What a person answers. Prefect does not know who it is: the name is what was typed."""

    decision: Literal["Carry out the plan", "Do not"] = Field(
        title="Decision", description="Exactly the plan above, and nothing else."
    )
    approved_by: Name = Field(title=NAME, description=NAME_HELP)
    comment: Remark = Field(default="", title="Comment", description="For the report. No password.")


class Readiness(RunInput):
    """Whether a person is at the console, so that the password can be changed now."""

    ready: Literal["I am at the console: change the password", "Not now"] = Field(
        title="Are you ready?"
    )
    your_name: Name = Field(title=NAME, description=NAME_HELP)
    remark: Remark = Field(default="", title="Remark", description=REMARK_HELP)


class OperatorForm(RunInput):
    """What both extensions' forms ask first."""

    outcome: Literal[
        "I have saved the new credential", "Somebody else takes over", "I cannot, or will not"
    ] = Field(title="What have you done?")
    your_name: Name = Field(title=NAME)


class ActiveDirectoryForm(OperatorForm):
    """What is reported of the Active Directory extension."""

    check_settings: Literal["It passed", "It failed", "I did not run it"] = Field(
        title="What did Check Settings say?"
    )
    remark: Remark = Field(default="", title="Remark")


class Microsoft365Form(OperatorForm):
    """What is reported of the Microsoft 365 extension."""

    validate_said: Literal["It passed", "It failed", "I did not run it"] = Field(
        title="What did Validate say?"
    )
    on_behalf: Literal["Left unticked", "Ticked", "No request was shown"] = Field(
        title="Consent on behalf of your organization"
    )
    consent_status: Annotated[str, Field(max_length=100)] = Field(
        default="", title="Consent status, in the console's words"
    )
    test_user: Literal[
        "Created, changed and deleted", "The product refused it", "I did not try it"
    ] = Field(title="The test user")
    remark: Remark = Field(default="", title="Remark")
