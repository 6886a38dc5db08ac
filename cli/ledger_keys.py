"""The keys of a ledger in JSON: the document itself, as it lies in Vault (``connectors.ledger``)."""

from __future__ import annotations

from cli.documented import below
from cli.fleet_keys import LAST_RUN

_SETTING = {
    "at": "When the change of the password was begun.",
    "before": "When the password had last been set by then, or null.",
    "after": "When it was seen to be last set since, or null.",
    "where": "The domain controller that is asked, or null.",
}

_ROTATION = {
    "id": "Its id.",
    "begun": "When it began.",
    "account": "Whose password changes.",
    "in_use": "What the console held when it began.",
    "base": "Label of the secret's version that was current when it began.",
    "base_version": "Its number.",
    "phase": "Number of the last finished step.",
    "pending": "Where the new password waits in Vault, or null.",
    **below(
        "pending",
        {
            "mount": "Mount of the KV v2 engine.",
            "path": "Path below it.",
            "version": "Version of the secret.",
            "created": "When it was written.",
        },
    ),
    "setting": "A change of the password that was begun, or null.",
    **below("setting", _SETTING),
    "entered_at": "When the console was given the new password, or null.",
}

LEDGER = {
    "schema": "Version of this form.",
    "connection": "Name of the connection.",
    "holder": "The run that works on the connection, or null.",
    "holder.run": "Id of its flow run.",
    "holder.since": "Since when.",
    "asked": "The run that waits for a person's answer, or null.",
    "asked.run": "Id of its flow run.",
    "asked.label": "The secret that the person enters.",
    "asked.since": "Since when it waits.",
    "asked.until": "When the form is closed.",
    "asked.signed_in": "The account's last sign-in on each domain controller when the person was asked.",
    "asked.sighting": "What was seen of its sign-ins when the report was taken, or null.",
    "applied": "What the console was last given, and proven to hold, or null.",
    "applied.account": "The account.",
    "applied.label": "Mount, path, version and time of the secret.",
    "applied.at": "When.",
    "applied.entered_as": "Label that the console shows, when it was promoted since, or null.",
    "in_use": "The account that the console signs in with, or null.",
    "idle": "The account that waits for its turn, or null.",
    "rotation": "A rotation that has not ended, or null.",
    **below("rotation", _ROTATION),
    "rotated_at": "When a rotation last ended well, or null.",
    "retire": "An account that is to be retired, or null.",
    "retire.account": "The account.",
    "retire.due": "Not before when.",
    "retire.setting": "A change of its password that was begun, or null.",
    **below("retire.setting", _SETTING),
    "trouble": "Failed rotations in a row, or null.",
    "trouble.cycles": "How many.",
    "trouble.since": "Since when.",
    "trouble.outcome": "How the last one ended.",
    "trouble.reason": "Why.",
    "trouble.what_to_do": "What a person does about it.",
    "trouble.not_before": "When a schedule tries next.",
    "trouble.needs_person": "Whether a schedule tries no more.",
    "attempts": "Sign-ins with a password, youngest last.",
    "attempts[].account": "The account.",
    "attempts[].label": "Mount, path, version and time of the secret.",
    "attempts[].at": "When.",
    "attempts[].outcome": "begun, accepted, wrong password, no verdict or not proven.",
    "test_users": "Since when test users may be left, or null.",
    "verified_at": "When what the console holds was last verified, or null.",
    "findings": "Codes of the findings of the last run.",
    "outcome": "End state of the last run, or null.",
    "last_run": "How the last run ended, or null.",
    **below("last_run", LAST_RUN),
    "consent": "The verdict of the last consent review, or null.",
    "consent.verdict": "The verdict.",
    "consent.at": "When.",
}
