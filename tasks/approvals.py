"""Whose answer it is: a name that was typed, or a folder of Vault that only one person may write."""

from __future__ import annotations

from datetime import datetime

from connectors.models import SecretHandle
from connectors.protocols import Systems


def approver(
    systems: Systems,
    place: SecretHandle,
    key: str,
    answer: str,
    *,
    since: datetime | None = None,
) -> str | None:
    """Return who has written this answer about a form or plan into Vault, as a sentence names them; None: nobody.

    Where several people have, each is named. Who has written something else counts as nobody. What was written
    before ``since`` is not looked at.
    """
    given = [
        item for item in systems.vault.approvals(place, key) if since is None or item.at >= since
    ]
    people = [item.by for item in given if item.answer == answer]
    if not people or any(item.answer != answer for item in given):
        return None
    return f"{' and '.join(map(repr, people))}, by the own folder in Vault ({place.mount}/{place.path})"


def how_to_approve(place: SecretHandle, key: str, answers: tuple[str, ...]) -> str:
    """Return what a form says about it, in Markdown."""
    which = " or ".join(f"`answer={answer}`" for answer in answers)
    return (
        "### Your name\n\nAt this site an answer counts when it is in Vault, below your own folder. Before you submit, "
        f"write {which}:\n\n"
        f"    vault kv put -mount={place.mount} {place.path}/YOUR-NAME/{key} answer={answers[0]}"
    )


def missing_approval(place: SecretHandle, key: str, answer: str) -> str:
    """Return what is said where an answer came without it."""
    return (
        f"Your answer is not in Vault, or something else is. Write answer={answer} to "
        f"{place.path}/YOUR-NAME/{key} (mount {place.mount}), below your own folder, then answer again."
    )
