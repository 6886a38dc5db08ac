"""The keys of a run in JSON; ``cli.run_data`` writes them."""

from __future__ import annotations

from cli.documented import below

_CONNECTION = {
    "name": "Name of the connection in the inventory.",
    "outcome": "Its end state, one of those in docs/errors.md.",
    "error": "What ended it early, or null.",
    "what_to_do": "What a person does about the error, or null.",
    "gap": "Time in which the console held a password that was no longer the newest, or null.",
    "gap.account": "The account.",
    "gap.seconds": "Its length in seconds; null: the account in use was not touched.",
    "gap.at_most": "True: the run was cut off in between, the true gap is shorter.",
    "consent": "Our verdict on the consent of the Entra app, or null where there is none.",
    "plan": "What would repair the consent, or null.",
    "plan.name": "The name by which the plan is approved.",
    "plan.steps": "What it does, in sentences.",
    "findings": "What is wrong, each with its remedy.",
    "findings[].code": "Kind of the finding; never changes its meaning.",
    "findings[].subject": "What it is about.",
    "findings[].what_to_do": "What a person does about it.",
    "not_checked": "What could not be looked at, and why, in sentences.",
    "steps": "The steps that were carried out, in their order.",
    "steps[].step": "Number of the step in docs/procedure.md, with u for an undo.",
    "steps[].result": "done, skipped (already so), retrying or failed.",
    "steps[].seconds": "How long it took.",
    "steps[].evidence": "What was seen, in identifiers and facts.",
}

RUN = {
    "flow_run": "Id of the flow run in Prefect, or: no flow run.",
    "service": "Name of the service in the inventory.",
    "dry_run": "Whether nothing was to be changed.",
    "outcome": "The worst end state of the run's connections.",
    "error": "What went wrong with the run itself, or null.",
    "what_to_do": "What a person does about that, or null.",
    "connections": "The connections, in the inventory's order.",
    **below("connections[]", _CONNECTION),
}

RUNS = {
    "outcome": "The worst end state of all runs.",
    "runs": "One run for each service.",
    **below("runs[]", RUN),
}

_PLANNED = {
    "name": "Name of the connection in the inventory.",
    "asked": "What would be asked for, in a sentence.",
    "outcome": "The end state of the dry run for it.",
    "error": "Why an update would fail, or null.",
    "what_to_do": "What a person does about that, or null.",
    "consent": "Our verdict on the consent as it is now, or null where there is none.",
    "changes": "What would be changed, each once; empty where the update would fail.",
    "may_change": "What would be changed only if it turns out to be needed, each once.",
    "findings": "What is wrong now, each with its remedy.",
    "findings[].code": "Kind of the finding; never changes its meaning.",
    "findings[].subject": "What it is about.",
    "findings[].what_to_do": "What a person does about it.",
    "not_checked": "What could not be looked at, and why, in sentences.",
    "steps": "Every step of the update, in order.",
    "steps[].step": "Number of the step in docs/procedure.md.",
    "steps[].title": "Its title.",
    "steps[].effect": "looks, changes, may change, already so, if needed, nothing to do, fails or not reached.",
    "steps[].changes": "What it would change, or null.",
    "steps[].says": "What was found, or would be done, in a sentence.",
}

PLAN = {
    "service": "Name of the service in the inventory.",
    "outcome": "The worst end state of the dry run's connections.",
    "error": "What went wrong with the dry run itself, or null.",
    "what_to_do": "What a person does about that, or null.",
    "flow_run": "Id of the dry run in Prefect, or: no flow run.",
    "connections": "The connections, in the inventory's order.",
    **below("connections[]", _PLANNED),
}
