"""What a ledger keeps of the last run for those who ask later: how it ended, what it found, what to do.

No part of it holds a secret: the same sentences stand in the run's report.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field

from connectors.errors import RotationError
from connectors.models import Finding
from connectors.rotation import Part

MOST_FINDINGS = 50
"""Findings that are kept; the report has them all."""

_LONGEST = 2000


def _shortened(text: object) -> object:
    if isinstance(text, str) and len(text) > _LONGEST:
        return f"{text[:_LONGEST]} ... (the report has the rest)"
    return text


Sentence = Annotated[str, BeforeValidator(_shortened)]
"""A text of a report; what is longer than 2000 letters is cut, because a ledger must stay small."""


class KeptFinding(Part):
    """One finding of the last run."""

    code: str
    subject: Sentence
    detail: Sentence
    what_to_do: Sentence

    @classmethod
    def of(cls, finding: Finding) -> KeptFinding:
        """Keep a finding of a run."""
        return cls(
            code=finding.code,
            subject=finding.subject,
            detail=finding.detail,
            what_to_do=finding.what_to_do(),
        )


class LastRun(Part):
    """How the last run ended. ``problem`` is the error that ended it, where one did."""

    run: str
    flow: str
    at: AwareDatetime
    problem: Sentence | None = None
    what_to_do: Sentence | None = None
    findings: tuple[KeptFinding, ...] = Field(default=(), max_length=MOST_FINDINGS)

    @classmethod
    def of(
        cls,
        flow: str,
        run: str,
        at: AwareDatetime,
        error: RotationError | None,
        findings: Iterable[Finding],
    ) -> LastRun:
        """Keep the end of a run of a flow."""
        kept = tuple(map(KeptFinding.of, findings))[:MOST_FINDINGS]
        return cls(
            run=run,
            flow=flow,
            at=at,
            problem=str(error) if error else None,
            what_to_do=error.what_to_do() if error else None,
            findings=kept,
        )


class KeptConsent(Part):
    """The verdict of the last consent review, in the words of ``connectors.entra.models.ConsentVerdict``."""

    verdict: str
    at: AwareDatetime
