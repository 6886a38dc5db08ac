"""Runs as plain data for ``--json``."""

from __future__ import annotations

from collections.abc import Sequence

from report.record import Gap, RunRecord
from report.verdict import outcome_of, outcome_of_run, worst_of


def as_data(record: RunRecord) -> dict[str, object]:
    """Return the run as plain data for ``--json``."""
    return {
        "flow_run": record.run_id,
        "service": record.service,
        "dry_run": record.dry_run,
        "outcome": outcome_of_run(record).name,
        "error": str(record.error) if record.error else None,
        "what_to_do": record.error.what_to_do() if record.error else None,
        "connections": [
            {
                "name": item.name,
                "outcome": outcome_of(item, record).name,
                "error": str(item.error) if item.error else None,
                "what_to_do": item.error.what_to_do() if item.error else None,
                "gap": _gap(item.gap),
                "consent": item.consent.verdict.value if item.consent else None,
                "plan": {"name": item.plan.digest, "steps": item.plan.lines()}
                if item.plan
                else None,
                "findings": [
                    {"code": f.code, "subject": f.subject, "what_to_do": f.what_to_do()}
                    for f in item.findings
                ],
                "not_checked": item.unchecked,
                "steps": [
                    {
                        "step": entry.number,
                        "result": entry.result.value,
                        "seconds": round(entry.seconds, 3),
                        "evidence": entry.evidence,
                    }
                    for entry in (*record.entries, *item.entries)
                ],
            }
            for item in record.connections
        ],
    }


def _gap(gap: Gap | None) -> dict[str, object] | None:
    if gap is None:
        return None
    return {"account": gap.account, "seconds": gap.seconds, "at_most": gap.at_most}


def several_as_data(records: Sequence[RunRecord]) -> dict[str, object]:
    """Return several runs as plain data for ``--json``."""
    return {"outcome": worst_of(records).name, "runs": [as_data(record) for record in records]}
