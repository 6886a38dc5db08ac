"""What an answer must be: each function returns it as what it is, or raises Broken with what it was instead."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from connectors.cayosoft import wire
from connectors.cayosoft.conformance.checks import Broken, Skipped
from connectors.cayosoft.conformance.trial import Answer, Trial
from connectors.cayosoft.models import ConnectionRow
from connectors.models import Extension
from connectors.secret import Secret

T = TypeVar("T", bound=BaseModel)
_URN = "urn:console-bridge:"


def status(answer: Answer, *wanted: int) -> None:
    """Make sure of the status."""
    if answer.status not in wanted:
        either = " or ".join(map(str, wanted))
        raise Broken(f"{answer.request} was answered with {answer.status} instead of {either}")


def body(answer: Answer, kind: type[T]) -> T:
    """Make sure that the body is JSON of the contract's form."""
    if answer.kind != "application/json":
        raise Broken(f"{answer.request}: the answer is {answer.kind or 'of no type'}, not JSON")
    found = answer.read(kind)
    if found is None:
        raise Broken(
            f"{answer.request}: the answer is not of the contract's form ({kind.__name__.removesuffix('Wire')})"
        )
    return found


def problem(answer: Answer, kinds: dict[int, str], field: str | None = None) -> None:
    """Make sure that this is one of these refusals, said as RFC 9457 wants it."""
    status(answer, *kinds)
    if answer.kind != "application/problem+json":
        raise Broken(
            f"{answer.request}: {answer.status} is {answer.kind or 'of no type'}, not a problem"
        )
    members = answer.members()
    if members.get("type") != f"{_URN}{kinds[answer.status]}":
        raise Broken(f"{answer.request}: the problem is not of the type {kinds[answer.status]}")
    if members.get("status") != answer.status or not isinstance(members.get("title"), str):
        raise Broken(f"{answer.request}: the problem lacks a title, or tells another status")
    if field is not None and members.get("field") != field:
        raise Broken(f"{answer.request}: the problem does not name the field {field}")


def row(answer: Answer, extension: Extension, name: str) -> ConnectionRow:
    """Make sure that this is the row, with its revision as ETag and without a password."""
    status(answer, 200)
    found = body(answer, wire.RowWire).to_model()
    if (found.extension, found.row) != (extension, name):
        raise Broken(f"{answer.request}: the answer is another row")
    if answer.header("ETag") != f'"{found.revision}"':
        raise Broken(f"{answer.request}: the ETag is not the revision in double quotes")
    if "password" in answer.members():
        raise Broken(f"{answer.request}: the answer has a member password")
    return found


def signed_in(trial: Trial) -> Secret:
    """Return the token; Skipped where signing in did not work."""
    if trial.token is None:
        raise Skipped("not signed in: see B06")
    return trial.token
