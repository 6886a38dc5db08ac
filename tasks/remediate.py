"""R: remediate an incomplete consent (article: linked troubleshooting)."""

from __future__ import annotations

from connectors.entra.models import ConsentReview
from connectors.models import Finding
from report.record import current_record
from tasks._step import Answer, Done, step


@step("R1")
def say_what_is_missing(review: ConsentReview) -> Answer[tuple[Finding, ...]]:
    """Turn the verdict into findings, one per permission, each with what to do about it."""
    current_record().here().find(*review.findings)
    named = "; ".join(f"{item.subject} ({item.code})" for item in review.findings)
    return Done(review.findings, f"{review.verdict.value}: {named or 'no permission to name'}")
