"""One connection, everything around it, and whoever does something to it; with one truth for all of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

from connectors.active_directory.models import Right
from connectors.cayosoft.models import ConnectionRow
from connectors.ledger import Ledger
from connectors.protocols import ConsoleDriver, DirectoryService, Systems, TenantService
from connectors.rotation import Rotation
from tests.laws.saga.console import ConsoleTruth, SagaConsole
from tests.laws.saga.directory import SagaDirectory
from tests.laws.saga.domain import Domain
from tests.laws.saga.faults import Fault, Line
from tests.laws.saga.shape import DC1, DC2, Shape
from tests.laws.saga.tenant import SagaTenant, Tenant
from tests.laws.saga.timing import WorldTime
from tests.laws.saga.vault import KeyValues, SagaLedgers, SagaVault, Version
from tests.laws.saga.watch import By, Held, Watch


class Process:
    """One run's own view of the world; keeps Systems. Named like the run, and dead once it was killed."""

    def __init__(
        self, world: World, name: str, faults: Sequence[Fault], *, may_change: bool = True
    ) -> None:
        self.name = name
        self.world = world
        self.line = Line(world.time, faults, self._about_to_change, world.look_around)
        self.vault = SagaVault(self.line, world.vault)
        self.ledgers = SagaLedgers(self.line, world.vault, name)
        self._directory = (
            SagaDirectory(self.line, self.vault, world.domain) if world.domain else None
        )
        self._tenant = SagaTenant(self.line, self.vault, world.tenant) if world.tenant else None
        self._console = SagaConsole(self.line, self.vault, world.console)
        self._may_change = may_change

    def directory(self, name: str) -> DirectoryService:
        """Return the one directory."""
        assert self._directory, name
        return self._directory

    def tenant(self, name: str) -> TenantService:
        """Return the one tenant."""
        assert self._tenant, name
        return self._tenant

    def console(self, service: str) -> ConsoleDriver:
        """Return the one console."""
        return self._console

    def _about_to_change(self, call: str, under_way: bool) -> None:
        """Demand that an overtaken run changes nothing more, but for the call that was on its way.

        A dry run changes nothing at all; it may write down a sign-in.
        """
        if not self._may_change:
            self.world.watch.breaks(f"a dry run did {call}")
        writers = self.world.writers
        if self.name in writers and writers[-1] != self.name and not under_way:
            self.world.watch.breaks(f"{self.name} was overtaken by {writers[-1]}, and did {call}")


class World:
    """Everything, in memory, and what people and time do to it."""

    name = "hq"
    secret = ("kv", "hq")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.time = WorldTime()
        self.watch = Watch(self.time)
        self.vault = KeyValues(self.time, self.watch)
        self.domain = Domain(self.time, self.watch, (DC1, DC2)) if shape.in_domain else None
        self.tenant = None if shape.in_domain else Tenant(self.time, self.watch)
        self.runs = 0
        self.touched = False
        """Whether a person changed a password, or somebody a version: then a plain run may say no."""
        self.destroyed: set[str] = set()
        """Passwords that somebody deleted from Vault."""
        self.left: set[str] = set()
        """Rotations of which a run has said that a copy of their password could not be removed."""
        first = secrets.token_hex(12)
        for name in shape.accounts:
            self.home.add(name, first if name == shape.accounts[0] else secrets.token_hex(12))
        fields = {"username": shape.accounts[0], "password": first}
        self.vault.write(self.secret, fields, None, "seed")
        self.time.sleep(60)
        row_name = "corp.example.com" if shape.in_domain else "contoso.example"
        row = ConnectionRow(
            shape.extension, row_name, True, shape.accounts[0], "r1", None, None, None
        )
        self.console = ConsoleTruth(
            self.time, self.watch, row, first, domain=self.domain, tenant=self.tenant
        )
        self.watch.uses(shape.accounts[0])

    @property
    def home(self) -> Domain | Tenant:
        """Where the accounts live."""
        home = self.domain or self.tenant
        assert home
        return home

    @property
    def writers(self) -> list[str]:
        """The processes that wrote the ledger, in order."""
        return self.vault.writers(self.name)

    @property
    def ledger(self) -> Ledger:
        """The ledger as it stands."""
        return self.vault.ledger(self.name)

    @property
    def rotation(self) -> Rotation | None:
        """The rotation that has not ended."""
        return self.ledger.rotation

    @property
    def current(self) -> Version:
        """What consumers read."""
        return self.vault.newest(self.secret)

    def newest(self, account: str) -> Held:
        """Return the newest password of an account."""
        return self.home.accounts[account].newest

    def test_users(self) -> list[str]:
        """Return the test users that are there."""
        return sorted(self.home.users)

    def process(self, faults: Sequence[Fault] = (), *, may_change: bool = True) -> Process:
        """Begin another process."""
        self.runs += 1
        name = f"00000000-0000-0000-0000-{self.runs:012x}"
        return Process(self, name, faults, may_change=may_change)

    def slow(self, lag: float, spread: float, skew: float) -> None:
        """Choose how many seconds a tenant's readers and sign-ins lag, and its or the domain's clock goes ahead."""
        self.home.skew = timedelta(seconds=skew)
        if self.tenant:
            self.touched |= spread > 120  # longer than anybody waits: looks like somebody's change
            self.tenant.lag = timedelta(seconds=lag)
            self.tenant.spread = timedelta(seconds=spread)

    # What people and time do.

    def pass_time(self, spell: timedelta) -> None:
        """Let time pass; within minutes the controllers replicate."""
        self.time.sleep(spell.total_seconds())
        if self.domain and spell >= timedelta(minutes=15):
            self.domain.replicate()

    def changes_by_hand(self, account: str, where: str | None = None) -> None:
        """Let a person set a password, and tell nobody."""
        self.touched = True
        value = secrets.token_hex(12)
        if self.domain:
            up = [it for it in self.domain.controllers if it not in self.domain.away]
            self.domain.set(account, where or up[0], value, By.PERSON)
        elif self.tenant:
            self.tenant.set(account, value, By.PERSON)

    def tells_vault(self, account: str) -> None:
        """Let a person write the password of an account to Vault."""
        self.touched = True
        fields = {"username": account, "password": self.newest(account).value}
        self.vault.write(self.secret, fields, None, "person")

    def writes_foreign(self, account: str) -> None:
        """Let somebody write a version to Vault that is no password of the account."""
        self.touched = True
        fields = {"username": account, "password": secrets.token_hex(12)}
        self.vault.write(self.secret, fields, None, "somebody")

    def replicates(self) -> None:
        """Let the controllers tell each other."""
        if self.domain:
            self.domain.replicate()

    def controller_goes(self, where: str) -> None:
        """Let a controller go away; the others refuse what only that one knows, and that is remembered."""
        if self.domain and self.domain.goes_away(where):
            self.touched = True

    def controllers_come_back(self) -> None:
        """Let every controller be there again."""
        if self.domain:
            self.domain.away.clear()

    def controller_ends(self, where: str) -> None:
        """Let a controller be gone for good, and be taken out of the inventory."""
        if self.domain and where in self.domain.controllers and self.domain.ends(where):
            self.touched = True

    def guesses(self, account: str) -> None:
        """Let somebody try two wrong passwords on an account."""
        if self.domain:
            self.domain.guesses(account, 2)

    def deletes_staged(self) -> None:
        """Let somebody delete what waits in Vault; nobody can recover it then."""
        for waiting in self.vault.waiting(self.name).values():
            waiting.gone = self.touched = True
            self.destroyed.add(waiting.fields["password"])

    def takes_setter(self, account: str) -> None:
        """Let a person take the setter's right on an account away."""
        self.home.accounts[account].setter_may = False

    def disables(self, account: str) -> None:
        """Let a person disable an account."""
        self.home.accounts[account].enabled = False

    def expires(self, account: str) -> None:
        """Let the password of an account expire."""
        self.touched = True
        self.home.accounts[account].expired = True

    def takes_right(self, account: str, right: Right) -> None:
        """Let a person take a right of the connection account away, in Entra its role."""
        if self.domain:
            self.domain.accounts[account].rights.discard(right)
        elif self.tenant:
            self.tenant.accounts[account].role = False

    def takes_capability(self, path: str) -> None:
        """Let a person take away what the product may do at a path of Vault."""
        self.vault.denied.add(path)

    def gives_back(self) -> None:
        """Let a person give back every right, role and capability."""
        self.vault.denied.clear()
        if self.domain:
            for account in self.domain.accounts.values():
                account.setter_may, account.rights = True, account.all_rights()
                account.enabled = True
        if self.tenant:
            for tenant_account in self.tenant.accounts.values():
                tenant_account.setter_may = tenant_account.role = tenant_account.enabled = True

    def demands_longer(self) -> None:
        """Let the directory demand longer passwords than Vault makes."""
        self.home.shortest = 64

    def corrects_policy(self, *, in_vault: bool = False) -> None:
        """Let a person correct the directory's policy, or let Vault make longer passwords."""
        if in_vault:
            self.vault.length = 80
        else:
            self.home.shortest = 8

    def withholds_consent(self) -> None:
        """Let an administrator take the consent away, and refuse it."""
        if self.tenant:
            self.tenant.withheld = True
            self.tenant.granted.clear()

    def gives_consent(self) -> None:
        """Let an administrator allow the consent again; the next run is asked for it."""
        if self.tenant:
            self.tenant.withheld = False

    # What must be true at every moment.

    def look_around(self) -> None:
        """Break into the middle of a run, and look whether what must always be true is true."""
        self.watch.consumers_read = self.current.fields["username"]
        for account in {self.console.row.account, *self._set_now()}:
            held = self.newest(account)
            if self.out_of_our_hands(held):
                continue
            if not self.vault.knows(self.name, self.secret, account, held.value):
                self._once(f"the password of {account} ({held.by.value}) is lost")
        if self.shape.in_place:
            return
        held = self.newest(self.console.row.account)
        if not self.out_of_our_hands(held) and not self.console.signs_in():
            self._once("the console's credential does not sign in")
        current = self.current
        if current.by in ("seed", "product") and current.fields["username"] in self.home.accounts:
            named = current.fields["username"]
            newest = self.newest(named)
            if not self.out_of_our_hands(newest) and newest.value != current.fields["password"]:
                self._once("what consumers read does not sign in")

    def out_of_our_hands(self, held: Held) -> bool:
        """Say whether a person set this password, or somebody deleted it from Vault."""
        return held.by is By.PERSON or held.value in self.destroyed

    def _once(self, what: str) -> None:
        if not any(what in broken for broken in self.watch.broken):
            self.watch.breaks(what)

    def _set_now(self) -> Iterator[str]:
        """Yield the account whose password the rotation that is going on has set."""
        rotation = self.rotation
        if rotation is not None and rotation.may_be_set:
            held = self.newest(rotation.account)
            if held.value in self.watch.values.get(rotation.id, ()):
                yield rotation.account

    def settles(self) -> None:
        """Take every obstacle away, and let the world come to rest."""
        self.controllers_come_back()
        self.gives_back()
        self.corrects_policy()
        self.gives_consent()
        if self.tenant:
            self.tenant.spread = min(self.tenant.spread, timedelta(seconds=70))
        self.pass_time(timedelta(hours=25))


@contextmanager
def systems_of(process: Process) -> Iterator[Systems]:
    """Open a process as what a run asks for."""
    yield cast("Systems", process)
