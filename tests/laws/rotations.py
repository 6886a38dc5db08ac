"""What the laws about rotations share: the four kinds, a sandbox that outlives the cases, and the facts.

A case begins where the last one ended, with every fact true: nothing is set back in between.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.models import Extension
from sandbox.demo import test_users as leftover_users
from sandbox.world import World, running
from tests.laws.kills import ROTATE, Nursery
from tests.running import Outcome, Rotate

# This tenant has no lag to wait for; patience has its own tests.
QUICK = {f"connectors.entra.{module}:CONFIRM_AFTER": 0.01 for module in ("polling", "grants")}


def rotating(folder: Path, directory: str, golden: Path) -> AbstractContextManager[World]:
    """Start a sandbox with an account of every kind; what is replaced is retired at once."""
    return running(
        folder, directory, services=("plant", "depot"), grace_period_hours=0, golden=golden
    )


@dataclass(frozen=True)
class Kind:
    """One kind of rotation: a connection of the sandbox."""

    connection: str
    service: str
    extension: Extension
    alternate: bool

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of a rotation in which nothing is refused, in the order they run."""
        middle = {
            Extension.ACTIVE_DIRECTORY: ("A1", "A2", "A3", "A4", "A5", "A6", "V1", "V2", "V3", "V4"),
            Extension.MICROSOFT_365: (
                "E1", "E2", "E3", "E4", "E5", "E6", "E7", "V5", "V6", "V7",
            ),
        }[self.extension]  # fmt: skip
        retired = ("F3",) if self.alternate else ()
        return ("P1", "N1", "N2", "N3", "N4", *middle, "F1", *retired, "F2")


AD_IN_PLACE = Kind("plant-ad", "plant", Extension.ACTIVE_DIRECTORY, alternate=False)
AD_ALTERNATE = Kind("depot-ad", "depot", Extension.ACTIVE_DIRECTORY, alternate=True)
ENTRA_IN_PLACE = Kind("plant-m365", "plant", Extension.MICROSOFT_365, alternate=False)
ENTRA_ALTERNATE = Kind("depot-m365", "depot", Extension.MICROSOFT_365, alternate=True)
KINDS = (AD_IN_PLACE, AD_ALTERNATE, ENTRA_IN_PLACE, ENTRA_ALTERNATE)


@dataclass
class RotationLab:
    """One sandbox with a connection of every kind, and the ways to run and to look."""

    world: World
    nursery: Nursery
    rotate: Rotate

    def begin(self, kind: Kind) -> int:
        """Forget what was called before; return how often the console has saved the row so far."""
        for stand_in in self.world.stand_ins().values():
            stand_in.disarm()
            stand_in.forget()
        return int(self.row(kind)["saves"])

    def killed(self, function: Any, kind: Kind, *where: Any) -> Any:
        """Run a rotation in a process of its own and kill it, by a function of the harness."""
        return function(
            self.nursery, self.world.environment, *where, flow=ROTATE, connection=kind.connection
        )

    def finish(self, kind: Kind) -> Outcome:
        """Do what every site does after a crash: run it again, finishing what is unfinished."""
        outcome = self.rotate(kind.connection, finish_only=True)
        assert outcome.state.name in ("Ready", "Waiting"), outcome.state.message
        if outcome.state.name == "Waiting":  # killed before it had begun, or after it had ended
            assert self.ledger(kind)["rotation"] is None
        return outcome

    def row(self, kind: Kind) -> dict[str, Any]:
        """Return what the console shows of the connection."""
        rows = self.world.consoles[kind.service].state()["rows"]
        return next(row for row in rows if row["extension"] == kind.extension.value)

    def ledger(self, kind: Kind) -> dict[str, Any]:
        """Return the ledger of the connection as it lies in Vault."""
        return self.world.ledger(kind.connection)

    def vault_passwords(self, kind: Kind) -> set[str]:
        """Return every password of this connection that Vault still has: current, previous, staged."""
        which = "ad" if kind.extension is Extension.ACTIVE_DIRECTORY else "m365"
        current = self.world.passwords_below(f"cayosoft/{kind.service}/{which}")
        return current | self.world.passwords_below(f"rotation/{kind.connection}/pending")

    def newest_is_recoverable(self, kind: Kind) -> bool:
        """Say whether the newest password of the account that the console holds is one that Vault has."""
        extension, account = kind.extension.value, self.row(kind)["account"]
        known = self.vault_passwords(kind)
        return any(self.world.signs_in(extension, account, password) for password in known)

    def staged(self, kind: Kind) -> list[str]:
        """Return the paths at which a password of the connection waits."""
        return self.world.names_below(f"rotation/{kind.connection}/pending")

    def staged_writes(self, kind: Kind) -> list[str]:
        """Return the path of every staged password that was written since the case began."""
        place = f"rotation/{kind.connection}/pending/"
        return [
            call["detail"]["path"]
            for call in self.world.vault.calls("kv.write")
            if place in call["detail"].get("path", "") and _was_done(call)
        ]

    def holds(self, kind: Kind) -> None:
        """Demand what must be true at every quiet moment (crash rule 6)."""
        assert self.world.console_signs_in(kind.service, kind.extension.value)
        current = self.world.current(kind.service, kind.extension.value)
        row = self.row(kind)
        assert row["account"] == current["username"], "Vault and console name the same account"
        assert self.world.signs_in(kind.extension.value, **current), "what consumers read signs in"
        assert self.world.locked_accounts() == []
        tenant = self.world.tenants["north"].state()
        assert [user["upn"] for user in tenant["users"] if user["locked"]] == []
        assert leftover_users(self.world) == []
        assert self.staged(kind) == [], "no second copy of a password is left"
        assert self.ledger(kind)["rotation"] is None
        assert len(set(self.staged_writes(kind))) == len(self.staged_writes(kind)) <= 1, (
            "one password per rotation"
        )


def _was_done(call: dict[str, Any]) -> bool:
    """Say whether Vault has carried a call out, by what its journal says."""
    unseen = call["outcome"] == "hung up" and call["fault"] in ("hold_after", "answer_lost")
    return bool(unseen or call["outcome"] == "200")
