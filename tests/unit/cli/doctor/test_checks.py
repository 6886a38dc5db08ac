"""Single checks, on systems that say what they are told to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from cli.doctor import directories, ledgers, vault, vault_content
from cli.doctor.model import Kind, NotLooked, Wrong
from cli.doctor.prefect_api import Address, PrefectApi
from cli.doctor.site import Choices, Site
from connectors.active_directory.models import AccountState, ControllerFacts
from connectors.errors import InvalidInput, NotFound, RotationError
from connectors.ledger import Holder, Ledger
from connectors.models import Credential, Engine, SecretHandle
from connectors.secret import Secret
from connectors.vault.models import NodeState, TokenFacts, VaultHealth
from inventory.models import Directory
from tests.unit.cli.doctor.inventory import ROLE, inventory

NOW = datetime.now(UTC)


_ACTIVE = VaultHealth(NodeState.ACTIVE, "1.19", "c", NOW)
_TOKEN = TokenFacts(("default",), 1200.0, renewable=True)


@dataclass
class FakeVault:
    """A Vault that says what it is told to say, or raises it."""

    health_says: VaultHealth = _ACTIVE
    token_says: TokenFacts | None = _TOKEN
    may: dict[str, tuple[str, ...]] = field(default_factory=dict)
    error: RotationError | None = None
    username: str = "svc-cayo"

    def health(self) -> VaultHealth:
        """Say how the node is."""
        return self.health_says

    def token(self) -> TokenFacts | None:
        """Say what the token is."""
        return self.token_says

    def capabilities(self, paths: list[str]) -> dict[str, tuple[str, ...]]:
        """Say what may be done."""
        return {path: self.may.get(path, ("read",)) for path in paths}

    def metadata(self, handle: SecretHandle) -> Any:
        """Raise what it was told."""
        assert self.error
        raise self.error

    def credential(self, handle: SecretHandle) -> Credential:
        """Return a credential of somebody."""
        return Credential(handle.at(1), self.username, Secret("hidden"))


def _site(fake: FakeVault | None = None) -> Site:
    site = Site(Choices(), inventory=inventory())
    given: Any = fake or FakeVault()
    site.once("vault", "", lambda: given)
    return site


def _wrong(kind: Kind[...], site: Site, *arguments: Any) -> Wrong:
    with pytest.raises(Wrong) as told:
        kind.look(site, *arguments)
    assert "hidden" not in told.value.fault + told.value.fix
    return told.value


@pytest.mark.parametrize("state", list(NodeState))
def test_every_state_of_vault(state: NodeState) -> None:
    """A node that does not serve has its own sentence and fix; standbys serve."""
    site = _site(FakeVault(VaultHealth(state, "1.19", "c")))
    if VaultHealth(state, "", "").serves:
        assert state.value in vault.state.look(site)
    else:
        assert _wrong(vault.state, site).fix


def test_token_that_ends() -> None:
    """A short token is a warning only when it cannot be renewed."""
    short = TokenFacts(("default",), 30.0, renewable=False)
    assert (
        "30 s and cannot be renewed"
        in _wrong(vault.token, _site(FakeVault(token_says=short))).fault
    )
    renewable = replace(short, renewable=True)
    assert vault.token.look(_site(FakeVault(token_says=renewable))) == "30 s, renewable"
    assert "could not be told" in vault.token.look(_site(FakeVault(token_says=None)))


def test_sudo_is_too_much() -> None:
    """Sudo somewhere in sys/ is too much power, without being root."""
    powerful = FakeVault(may={"sys/auth/any": ("sudo", "update")})
    assert "sys/auth/any" in _wrong(vault.too_much_power, _site(powerful)).fault


def test_what_the_inventory_asks_of_vault() -> None:
    """Each mode needs its own paths: who only updates stages nothing, and a static role is read by its name."""
    paths = vault_content.needs_of(inventory()).paths
    assert paths["kv/data/cayosoft/hq"] == {"read", "update"}
    assert paths["kv/data/rotation/hq-ad/pending/any"] == {"create", "update", "read"}
    assert paths["kv/metadata/rotation/hq-ad/pending/any"] == {"read", "delete"}
    assert paths["sys/policies/password/strong/generate"] == {"read"}
    assert paths["ldap/static-cred/branch"] == {"read"}
    assert not any("branch-ad/pending" in path for path in paths)


def test_static_role() -> None:
    """A static role that cannot be used says why, with the advice of the connector."""
    error = InvalidInput("vault", "read static role", advice="Switch rotate_on_read off.")
    told = _wrong(vault_content.static_role, _site(FakeVault(error=error)), ROLE)
    assert told.fix == "Switch rotate_on_read off."
    missing = FakeVault(error=NotFound("vault", "read static role"))
    assert (
        "vault read ldap/static-role/branch"
        in _wrong(vault_content.static_role, _site(missing), ROLE).fix
    )


def test_static_credential_by_its_short_name() -> None:
    """Vault's LDAP engine tells an account without its domain; another account is still noticed."""
    connection = inventory().connection("branch-ad")[1]
    assert connection.secret.engine is Engine.LDAP
    assert "svc-branch" in vault_content.secret_of.look(
        _site(FakeVault(username="svc-branch")), connection
    )
    assert (
        "svc-other"
        in _wrong(vault_content.secret_of, _site(FakeVault(username="svc-other")), connection).fault
    )


def test_denied_paths_are_not_looked_at() -> None:
    """What the policy denies is one fault, of the policy."""
    site = _site()
    site.denied.add("kv/data/cayosoft/hq")
    with pytest.raises(NotLooked, match=r"vault\.capabilities"):
        vault_content.secret_of.look(site, inventory().connection("hq-ad")[1])


_FINE = AccountState(
    dn="CN=svc,OU=Accounts,DC=corp,DC=example,DC=com", username="svc", upn=None, enabled=True, locked=False,
    password_expired=False, must_change_password=False, account_expires=None, password_last_set=NOW,
    bad_password_count=0, read_from="dc1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "fault", "fix"),
    [
        ({"enabled": False}, "is disabled", "Enable-ADAccount svc"),
        ({"locked": True}, "is locked", "Unlock-ADAccount svc"),
        (
            {"account_expires": NOW - timedelta(days=1)},
            "expired on",
            "Clear-ADAccountExpiration svc",
        ),
        ({"must_change_password": True}, "must change", "Set-ADUser svc"),
        ({"password_expired": True}, "expired password", "-PasswordNeverExpires $true"),
    ],
)
def test_trouble_of_an_account(change: dict[str, Any], fault: str, fix: str) -> None:
    """Each state in which an account does not sign in has its sentence and its command."""
    told = directories._trouble(replace(_FINE, **change))
    assert told is not None
    assert fault in told[0]
    assert fix in told[1]
    assert directories._trouble(_FINE) is None


@dataclass
class FakeDirectory:
    """A directory that says what it is told to say."""

    context: str

    def controller(self, where: str) -> ControllerFacts:
        """Say whose controller it is."""
        return ControllerFacts(where, datetime.now(UTC), self.context)


def test_controller_of_another_domain() -> None:
    """A controller of another domain is told before anybody signs in there."""
    item: Directory = inventory().directories[0]
    where = item.controllers[0]
    site = _site()
    for context in ("DC=other,DC=example,DC=com", "dc=CORP,dc=example,dc=com"):
        fake: Any = FakeDirectory(context)
        site._opened["directory", f"{item.name} {' '.join(item.controllers)}"] = fake
        if "other" in context:
            assert "base_dn" in _wrong(directories.domain, site, item, where).fault
        else:
            assert directories.domain.look(site, item, where) == context
    assert abs(site.offsets[f"the controller {where}"]) < 60


def _with_run(state: str | None) -> Site:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"state_type": state}) if state else httpx.Response(404)

    site = _site()
    site.prefect_address = Address("http://127.0.0.1:4200/api", None, None, None, verified=True)
    api = PrefectApi(site.prefect_address, transport=httpx.MockTransport(answer))
    site.once("prefect", "", lambda: api)
    ledger = Ledger(connection="hq-ad", holder=Holder(run="r1", since=NOW - timedelta(hours=2)))
    site.once("ledger", "hq-ad", lambda: ledger)
    return site


@pytest.mark.parametrize("state", ["CRASHED", "COMPLETED", None])
def test_holder_whose_run_is_over(state: str | None) -> None:
    """A run that Prefect calls over, or does not know, holds nothing any more."""
    assert "was cut off" in _wrong(ledgers.cut_off, _with_run(state), "hq", "hq-ad").fault


@pytest.mark.parametrize("state", ["RUNNING", "PAUSED", "PENDING"])
def test_holder_whose_run_goes_on(state: str) -> None:
    """A run that is at work, or waits for a person's answer, is left alone."""
    assert ledgers.cut_off.look(_with_run(state), "hq", "hq-ad") == "worked on by r1"


def test_holder_without_prefect() -> None:
    """Where Prefect cannot tell, only the age counts."""
    site = _with_run("RUNNING")
    site.prefect_address = None
    assert ledgers.cut_off.look(site, "hq", "hq-ad") == "worked on by r1"
    old = Ledger(connection="hq-ad", holder=Holder(run="r1", since=NOW - timedelta(hours=7)))
    site._opened["ledger", "hq-ad"] = old
    assert "was cut off" in _wrong(ledgers.cut_off, site, "hq", "hq-ad").fault


def test_once_is_once() -> None:
    """What is opened is opened once, also when several want it; one that failed may be tried again."""
    site, calls = Site(Choices()), []

    def build() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise NotFound("vault", "read")
        return 7

    with pytest.raises(NotFound):
        site.once("thing", "", build)
    assert [site.once("thing", "", build) for _ in range(2)] == [7, 7]
    assert len(calls) == 2
