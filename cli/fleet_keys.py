"""The keys of ``status``, ``findings`` and ``report`` in JSON."""

from __future__ import annotations

from cli.documented import below

_FOUND = {
    "code": "Kind of the finding; never changes its meaning.",
    "subject": "What it is about.",
    "detail": "What is wrong.",
    "what_to_do": "What a person does about it.",
}
LAST_RUN = {
    "run": "Id of its flow run.",
    "flow": "Name of its flow.",
    "at": "When it ended.",
    "problem": "The error that ended it, or null.",
    "what_to_do": "What a person does about the error, or null.",
    "findings": "What it found.",
    **below("findings[]", _FOUND),
}
STATUS = below(
    "[]",
    {
        "service": "Name of the service.",
        "connection": "Name of the connection.",
        "extension": "active_directory or microsoft_365.",
        "account": "The account that the console signs in with, as far as is known.",
        "accounts": "All accounts of the connection.",
        "standing": "How it stands; docs/errors.md has the list with its exit codes.",
        "why": "Why, in a sentence.",
        "what_to_do": "What a person does about it.",
        "applied": "Mount, path, version and time of what the console was last given, or null.",
        "newest": "The same of the newest version in Vault, or null.",
        "verified_at": "When it was last verified, or null.",
        "late": "Whether that is too long ago.",
        "consent": "The verdict of the last review, or null.",
        "findings": "How many things the last run has found.",
        "unfinished_rotation": "The step after which a rotation has not ended, or null.",
        "needs_person": "Whether a person is due.",
        "last_run": "End state of the last run, or null.",
        "rotated_at": "When a rotation last ended well, or null.",
    },
)
FINDINGS = below(
    "[]",
    {
        "service": "Name of the service.",
        "connection": "Name of the connection.",
        "outcome": "End state of the last run, or null.",
        "unreadable": "Why the ledger could not be read, or null.",
        "codes": "The codes of the findings.",
        "last_run": "How the last run ended, or null.",
        **below("last_run", LAST_RUN),
    },
)
REPORT = below(
    "[]",
    {
        "flow": "Name of the flow.",
        "run": "Id of the flow run.",
        "service": "Name of the service.",
        "dry_run": "Whether nothing was to be changed.",
        "started": "When it began.",
        "ended": "When it ended.",
        "outcome": "Its end state: name, succeeded, meaning.",
        "waits": "The times in which a person was asked: started, seconds.",
        "connections": "Its connections: name, asked, outcome, steps with their tries, gap, error, consent, plan, rights, "
        "findings, unchecked. docs/reports.md tells what each is; fields are only ever added.",
    },
)
