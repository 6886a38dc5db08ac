"""The forms that one run puts before a person about one connection: their keys, their answers, and whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from prefect.input import RunInput

from connectors.errors import NotYet
from connectors.ledger import Asked
from flows import asking
from flows._others import call_off, still_waits
from flows._run import Run
from flows.asking import Answered, Form
from tasks._wait import CLOCK
from tasks.identify import Location

F = TypeVar("F", bound=RunInput)


def key_of(run: Run, location: Location, purpose: str, number: int) -> str:
    """Name a form, by its run too: what was approved in Vault for one run is not for the next."""
    return f"{location.name}-{purpose}-{run.record.run_id[-8:]}-{number}"


def given(run: Run, location: Location, purpose: str, kind: type[F]) -> list[Answered[F]]:
    """Return the answers of this run to its forms of one purpose, in order."""
    found: list[Answered[F]] = []
    while answer := asking.answered(key_of(run, location, purpose, len(found) + 1), kind):
        found.append(answer)
    return found


def ask(
    run: Run, location: Location, form: Form[F], signed_in: Mapping[str, datetime] | None = None
) -> None:
    """Write down that a person is asked, let go of the connection, and ask.

    ``signed_in`` holds the account's last sign-in per domain controller, to be compared after the answer.
    """
    mine, keeper, now = run.record.run_id, location.ledger, CLOCK.get().utc()
    before = keeper.ledger.asked
    again = before is not None and before.run == mine and before.label == location.version.label
    asked = Asked(
        run=mine,
        label=location.version.label,
        since=before.since if before and again else now,
        until=now + timedelta(hours=form.hours),
        signed_in=dict(signed_in or {}) or (before.signed_in if before and again else {}),
    )
    # While a person works another run may look; a terminal goes on working on the connection.
    keeper.change(asked=asked, **({"holder": None} if asking.suspends() else {}))
    asking.ask(form)


def leave_to_the_first(run: Run, location: Location) -> None:
    """Raise NotYet while another run asks about the same version; one that asks about another is called off.

    Before this run signs in as the account: the other one watches who does.
    """
    other = location.ledger.ledger.asked
    if other is None or other.run == run.record.run_id or not still_waits(other.run):
        return
    if other.label == location.version.label:
        raise NotYet(
            "prefect",
            "ask a person",
            connection=location.name,
            waits=other.run,
            until=other.until.isoformat(timespec="seconds"),
            advice="That run asks for the same already: open it in the Prefect UI, press Resume, and fill in its "
            "form; or cancel it there, and start again.",
        )
    call_off(other.run, f"Run {run.record.run_id} asks about a newer version of the secret.")
