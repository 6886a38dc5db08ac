"""F: record the evidence."""

from __future__ import annotations

from collections.abc import Mapping

from prefect.events import emit_event

from connectors.errors import NeedsPerson, NotYet, RotationError, Superseded
from connectors.last_run import KeptConsent, LastRun
from inventory.models import FailurePolicy
from report import document, markdown
from report.documenting import document_of
from report.record import ConnectionRecord, RunRecord, current_record
from report.verdict import NEEDS_PERSON, READY, VERIFIED, outcome_of
from tasks._artifacts import keep_document, keep_markdown
from tasks._ledger import LedgerKeeper
from tasks._step import Answer, Done, step
from tasks._trouble import after_failure
from tasks._wait import CLOCK
from tasks._waits import waits_of_this_run


@step("F2")
def record_evidence(
    ledgers: Mapping[str, LedgerKeeper], policy: FailurePolicy | None = None
) -> Answer[None]:
    """Write one report per connection as a Prefect artifact, the ledgers' last entry, and the events.

    ``policy`` says what becomes of a rotation that failed. A connection that was left alone keeps the report
    and the ledger that it has.

    The artifact's key is the connection's name: its history is the connection's history. Raises
    Unreachable when Prefect's API does not answer, Unknown when it does not take the report.
    """
    record = current_record()
    record.waits = waits_of_this_run()
    _write(record, ledgers)
    held = _held(record, ledgers)
    not_kept = [_finish(record, item, ledgers[item.name], policy) for item in held]
    for connection in record.connections:
        _announce(record, connection, ledgers.get(connection.name))
    written = sum(not _left_alone(item, ledgers) for item in record.connections)
    said = "; ".join((f"{written} report(s) written", *filter(None, not_kept)))
    return Done(None, said)


def _held(record: RunRecord, ledgers: Mapping[str, LedgerKeeper]) -> list[ConnectionRecord]:
    """Return the connections whose ledger is still this run's to write."""
    return [
        item
        for item in record.connections
        if item.name in ledgers and not isinstance(item.error, Superseded)
    ]


def _finish(
    record: RunRecord,
    connection: ConnectionRecord,
    ledger: LedgerKeeper,
    policy: FailurePolicy | None,
) -> str | None:
    """Write the end into the ledger; return what to say when that fails: the next run takes it over."""
    outcome = outcome_of(connection, record)
    codes = [finding.code for finding in connection.findings]
    try:
        if isinstance(connection.error, NotYet):
            ledger.change(holder=None)
            return None
        if policy is not None and not outcome.succeeded and not ledger.rotated_now:
            before, error = ledger.ledger.trouble, connection.error
            now = CLOCK.get().utc()
            ledger.change(trouble=after_failure(before, error, outcome.name, policy, now))
        # While a rotation has not ended, what the console holds was not looked at.
        verified = outcome in (READY, VERIFIED) and ledger.rotation is None
        last_run, consent = _remembered(record, connection)
        ledger.finish(outcome.name, codes, verified=verified, last_run=last_run, consent=consent)
    except RotationError as error:
        return f"the ledger of {connection.name} was not written: {error}"
    return None


def _remembered(
    record: RunRecord, connection: ConnectionRecord
) -> tuple[LastRun, KeptConsent | None]:
    """Return what ``account-rotation status`` and ``findings`` show of this run later."""
    now = CLOCK.get().utc()
    last = LastRun.of(record.flow, record.run_id, now, connection.error, connection.findings)
    review = connection.consent
    return last, KeptConsent(verdict=review.verdict.value, at=now) if review else None


def _left_alone(connection: ConnectionRecord, ledgers: Mapping[str, LedgerKeeper]) -> bool:
    """Say whether the run found that it is not time, or that a person is due, and touched nothing."""
    untouched = isinstance(connection.error, NeedsPerson) and connection.name not in ledgers
    return untouched or isinstance(connection.error, NotYet)


def _write(record: RunRecord, ledgers: Mapping[str, LedgerKeeper]) -> None:
    """Write a page per connection, then the record that ``account-rotation report`` reads."""
    told_of = [item for item in record.connections if not _left_alone(item, ledgers)]
    for connection in told_of:
        keep_markdown(
            connection.name,
            markdown.render(record, connection),
            f"{outcome_of(connection, record).name}: {connection.name}, "
            f"{record.started:%Y-%m-%d %H:%M} UTC",
        )
    if told_of:
        keep_document(
            document.TYPE,
            document_of(record).model_dump(mode="json"),
            f"For: account-rotation report {record.run_id} --html FILE",
        )


def _announce(record: RunRecord, connection: ConnectionRecord, ledger: LedgerKeeper | None) -> None:
    """Emit the end state, and that a person is needed where the failures have come so far."""
    outcome = outcome_of(connection, record)
    _emit(record, connection, outcome.name)
    trouble = ledger.ledger.trouble if ledger else None
    if trouble and trouble.needs_person and outcome is not NEEDS_PERSON:
        _emit(record, connection, NEEDS_PERSON.name)


def _emit(record: RunRecord, connection: ConnectionRecord, name: str) -> None:
    emit_event(
        event=f"cayosoft.connection.{name.lower().replace(' ', '-')}",
        resource={
            "prefect.resource.id": f"cayosoft.connection.{record.service}.{connection.name}",
            "prefect.resource.name": connection.name,
            "cayosoft.flow": record.flow,
        },
        payload={
            "service": record.service,
            "dry_run": record.dry_run,
            "findings": [finding.code for finding in connection.findings],
        },
    )
