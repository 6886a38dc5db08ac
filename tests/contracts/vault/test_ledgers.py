"""The ledger in Vault: created once, changed by check-and-set, never guessed."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime

import pytest

from connectors.errors import OutOfStep, Superseded, Unreachable
from connectors.ledger import Applied, Attempt, Holder, Ledger
from connectors.vault.client import VaultClient
from connectors.vault.ledgers import VaultLedgers
from sandbox.standin.process import StandIn
from tests.contracts.vault.server import MOUNT, Server

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def new_name() -> str:
    """Name a connection that no other test uses."""
    return f"hq-{secrets.token_hex(4)}"


def keep(client: VaultClient) -> VaultLedgers:
    """Return ledgers where the suite's role may write."""
    return VaultLedgers(client, MOUNT, "apps/rotation")


def full(ledger: Ledger) -> Ledger:
    """Return a ledger that uses every field."""
    attempt = Attempt(account="svc@corp", label="kv/a#1@t", at=NOW, outcome="begun")
    return (
        ledger.model_copy(
            update={
                "holder": Holder(run="run-1", since=NOW),
                "applied": Applied(account="svc@corp", label="kv/a#1@t", at=NOW),
            }
        )
        .begin_attempt(attempt)
        .end_attempt("accepted")
        .finish("Ready", ["b", "a", "b"], NOW, verified=True)
    )


def test_empty_at_first(client: VaultClient) -> None:
    """A connection without a ledger has an empty one, and reading it writes nothing."""
    ledgers, name = keep(client), new_name()

    assert ledgers.read(name) == Ledger(connection=name)
    assert ledgers.read(name).fence == 0


def test_comes_back_whole(client: VaultClient) -> None:
    """What was written is read again, with the version it lies at as its fence."""
    ledgers, name = keep(client), new_name()

    written = ledgers.write(full(ledgers.read(name)))

    assert written.fence == 1
    assert ledgers.read(name) == written
    assert written.findings == ("a", "b")
    assert ledgers.write(written).fence == 2


def test_second_writer_is_superseded(client: VaultClient) -> None:
    """Of two runs that read the same ledger, only the first may write it."""
    ledgers, name = keep(client), new_name()
    one, other = ledgers.read(name), ledgers.read(name)
    ledgers.write(one)

    with pytest.raises(Superseded) as refused:
        ledgers.write(other)

    assert name in str(refused.value)


def test_lost_answer_is_looked_at(shaken: VaultClient, faults: StandIn) -> None:
    """A write whose answer was lost is found by reading, and not made twice."""
    ledgers, name = keep(shaken), new_name()
    faults.arm("kv.write", "answer_lost")

    assert ledgers.write(ledgers.read(name)).fence == 1
    assert len([c for c in faults.calls("kv.write") if c["outcome"] == "200"]) == 0


def test_write_that_did_not_arrive_is_repeated(shaken: VaultClient, faults: StandIn) -> None:
    """A write that never arrived is made once more; check-and-set makes that safe."""
    ledgers, name = keep(shaken), new_name()
    faults.arm("kv.write", "unreachable")

    assert ledgers.write(ledgers.read(name)).fence == 1


def test_sealed_vault_is_unreachable(shaken: VaultClient, faults: StandIn) -> None:
    """A sealed Vault is no reason to believe that there is no ledger."""
    ledgers, name = keep(shaken), new_name()
    ledgers.write(ledgers.read(name))
    faults.do("seal")

    with pytest.raises(Unreachable):
        ledgers.read(name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"schema": 4, "connection": "NAME"}', "newer than 3"),
        ('{"schema": 1, "connection": "another"}', "another connection"),
        ('{"schema": 1, "connection": "NAME", "surprise": true}', "form"),
        ("not json", "form"),
        ("[1]", "unknown schema"),
        (None, "no field"),
    ],
)
def test_strange_documents_are_refused(client: VaultClient, content: str | None, said: str) -> None:
    """A newer schema, another connection's ledger or no ledger at all: nothing acts on it."""
    ledgers, name = keep(client), new_name()
    fields = {"other": "x"} if content is None else {"ledger": content.replace("NAME", name)}
    client.write(ledgers.handle(name), fields, 0)

    with pytest.raises(OutOfStep) as refused:
        ledgers.read(name)

    assert said in str(refused.value)
    assert refused.value.what_to_do()


@pytest.mark.parametrize("schema", [1, 2])
def test_the_schemas_before_are_read(client: VaultClient, schema: int) -> None:
    """A ledger that an older version wrote is read with all it says, and written in the schema of now."""
    ledgers, name = keep(client), new_name()
    older = {
        "schema": schema, "connection": name, "outcome": "Ready", "holder": None, "verified_at": None,
        "applied": {"account": "svc@corp", "label": "kv/a#1@t", "at": "2026-01-02T03:04:05Z"},
        "attempts": [], "findings": ["a"],
    }  # fmt: skip
    client.write(ledgers.handle(name), {"ledger": json.dumps(older)}, 0)

    found = ledgers.read(name)

    assert found.applied is not None
    assert (found.applied.label, found.outcome, found.findings) == ("kv/a#1@t", "Ready", ("a",))
    assert ledgers.write(found).fence == 2
    (field,) = client.document(ledgers.handle(name)).values()
    assert json.loads(field.reveal())["schema"] == 3


def test_a_person_can_read_it(client: VaultClient, server: Server) -> None:
    """The document in Vault is plain JSON with words, and times that say their zone."""
    ledgers, name = keep(client), new_name()
    ledgers.write(full(ledgers.read(name)))

    path = f"{MOUNT}/data/apps/rotation/{name}/ledger"
    shown = json.loads(server.admin("GET", path)["data"]["data"]["ledger"])

    assert shown["schema"] == 3
    assert shown["outcome"] == "Ready"
    assert shown["attempts"][0]["outcome"] == "accepted"
    assert shown["verified_at"] == "2026-05-04T03:02:01Z"
    assert "fence" not in shown
