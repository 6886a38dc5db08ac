"""From the record of a run to the document that is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.entra.models import ConsentReview
from connectors.errors import RotationError
from connectors.models import Finding
from report import matrix, rights
from report.document import (
    ConnectionOfRun,
    Consent,
    Document,
    End,
    FoundThing,
    GapOfRun,
    Pause,
    Plan,
    Problem,
    Rights,
    StepOfRun,
    Try,
)
from report.procedure import Step
from report.record import ConnectionRecord, Gap, Result, RunRecord
from report.steps import tries_of, why_not_run
from report.verdict import Outcome, outcome_of, outcome_of_run


def document_of(run: RunRecord, now: datetime | None = None) -> Document:
    """Return what is kept of a run; ``now`` is when it ended."""
    ended = now or datetime.now(UTC)
    return Document(
        flow=run.flow,
        run=run.run_id,
        service=run.service,
        dry_run=run.dry_run,
        started=run.started,
        ended=ended,
        outcome=_end(outcome_of_run(run)),
        waits=waits_of(run),
        connections=tuple(connection_of(run, item, ended) for item in run.connections),
    )


def waits_of(run: RunRecord) -> tuple[Pause, ...]:
    """Return the times in which a run waited for a person."""
    return tuple(Pause(started=it.started, seconds=it.seconds) for it in run.waits)


def connection_of(run: RunRecord, item: ConnectionRecord, ended: datetime) -> ConnectionOfRun:
    """Return what is kept of one connection of a run, which ends now."""
    plan = item.plan
    shown = plan is not None and not plan.empty and item.consent and not item.consent.ready
    return ConnectionOfRun(
        name=item.name,
        asked=item.asked,
        outcome=_end(outcome_of(item, run)),
        steps=tuple(_step(run, item, step, ended) for step in item.steps),
        gap=_gap(item.gap),
        error=_problem(item.error),
        consent=_consent(item.consent),
        plan=Plan(name=plan.digest, lines=tuple(plan.lines())) if plan and shown else None,
        rights=_rights(item),
        findings=tuple(map(_found, item.findings)),
        unchecked=tuple(item.unchecked),
    )


def _end(outcome: Outcome) -> End:
    return End(name=outcome.name, succeeded=outcome.succeeded, meaning=outcome.meaning)


def _step(run: RunRecord, item: ConnectionRecord, step: Step, ended: datetime) -> StepOfRun:
    tries = tuple(
        Try(
            number=entry.number,
            result=entry.result,
            started=entry.started,
            seconds=entry.seconds,
            evidence=entry.evidence,
        )
        for entry in tries_of(run, item, step)
    )
    # F2 writes this very document, so its own entry cannot be in it yet.
    if not tries and step.number == "F2":
        said = "this record and the reports were written"
        tries = (Try(number="F2", result=Result.DONE, started=ended, seconds=0, evidence=said),)
    return StepOfRun(
        number=step.number,
        title=step.title,
        source=step.source.value,
        tries=tries,
        why_not="" if tries else why_not_run(run, item, step),
    )


def _gap(gap: Gap | None) -> GapOfRun | None:
    if gap is None:
        return None
    return GapOfRun(sentence=f"{gap}.", since=gap.since, seconds=gap.seconds, at_most=gap.at_most)


def _problem(error: RotationError | None) -> Problem | None:
    return Problem(text=str(error), what_to_do=error.what_to_do()) if error else None


def _consent(review: ConsentReview | None) -> Consent | None:
    if review is None:
        return None
    app = f"{review.app.display_name}, app id {review.app.app_id}" if review.app else "none found"
    return Consent(
        verdict=review.verdict.value, app=app, ready=review.ready, rows=matrix.rows(review)
    )


def _rights(item: ConnectionRecord) -> Rights | None:
    if not item.rights:
        return None
    places = tuple(column.title for column in rights.columns(item.rights))
    told = (
        (right.value, tuple(presence.value if presence else None for presence in row))
        for right, row in rights.rows(item.rights)
    )
    return Rights(places=places, rows=tuple(told))


def _found(finding: Finding) -> FoundThing:
    return FoundThing(
        code=finding.code,
        subject=finding.subject,
        detail=finding.detail,
        what_to_do=finding.what_to_do(),
    )
