"""Where Vault itself rotates: a static role of its LDAP secrets engine, brought to the console by the same update."""

from __future__ import annotations

import pytest

from connectors.errors import InvalidInput
from sandbox.people import BASE_DN
from sandbox.samba.availability import available
from sandbox.vault_admin import READING_POLICY
from sandbox.world import World
from tests.flows.test_rotate import ledger_of
from tests.running import Rotate, StartWorld, Update

pytestmark = pytest.mark.prefect
SAMBA = pytest.param(
    "samba",
    marks=[
        pytest.mark.samba,
        pytest.mark.skipif(available() is not None, reason=available() or "it is here"),
    ],
)
ROLE_POLICY = """
path "ldap/static-role/hq-ad" { capabilities = ["read"] }
path "ldap/static-cred/hq-ad" { capabilities = ["read"] }
path "ldap/rotate-role/hq-ad" { capabilities = ["update"] }
"""


@pytest.fixture(params=["active_directory", SAMBA])
def world(request: pytest.FixtureRequest, start_world: StartWorld) -> World:
    """Start a sandbox in which Vault's engine rotates the account of hq-ad, and has done so once."""
    started = start_world(directory=request.param)
    account = started.service("hq")
    administrator = started.identities
    admin = started.admin
    admin.call("POST", "/sys/mounts/ldap", {"type": "ldap"})
    admin.call(
        "POST",
        "/ldap/config",
        {
            "schema": "ad",
            "url": started.directory.url,
            "certificate": started.authority.ca_file.read_text(),
            "binddn": f"CN={administrator.administrator['username']},CN=Users,{BASE_DN}",
            "bindpass": administrator.administrator["password"],
            "userdn": BASE_DN,
        },
    )
    role = {"username": account.ad_upn, "rotation_period": "720h"}
    admin.call("POST", "/ldap/static-role/hq-ad", role)
    admin.call("PUT", "/sys/policies/acl/orchestrator", {"policy": READING_POLICY + ROLE_POLICY})
    text = started.inventory_file.read_text()
    place = "      path: cayosoft/hq/ad\n"
    assert place in text
    started.inventory_file.write_text(
        text.replace(place, "      engine: ldap\n      mount: ldap\n      path: hq-ad\n")
    )
    return started


def test_the_update_brings_it_to_the_console(world: World, update: Update) -> None:
    """What Vault has set is proven, entered and validated like any other; again, nothing is entered."""
    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Ready", outcome.state.message
    assert world.console_signs_in("hq", "active_directory")
    applied = ledger_of("hq-ad").applied
    assert applied is not None
    assert applied.label.startswith("ldap/hq-ad#")
    saves = [row["saves"] for row in world.consoles["hq"].state()["rows"]]
    assert update(connections=["hq-ad"]).state.name == "Ready"
    assert saves == [row["saves"] for row in world.consoles["hq"].state()["rows"]]


def test_vault_is_told_to_rotate_first(world: World, update: Update) -> None:
    """Asked to, Vault rotates the account; the run waits for the new version, and the console holds it."""
    update(connections=["hq-ad"])
    before = ledger_of("hq-ad").applied

    outcome = update(connections=["hq-ad"], rotate_role=True)

    assert outcome.state.name == "Ready", outcome.state.message
    assert outcome.steps("hq-ad")[0] == "N3"
    after = ledger_of("hq-ad").applied
    assert before is not None
    assert after is not None
    assert before.label != after.label
    assert world.console_signs_in("hq", "active_directory")


def test_a_rotation_of_ours_is_refused(world: World, rotate: Rotate) -> None:
    """The orchestrator does not rotate what Vault rotates, and says what to type instead."""
    error = rotate("hq-ad").connection("hq-ad").error

    assert isinstance(error, InvalidInput)
    assert "account-rotation update hq --connection hq-ad --rotate-role" in error.what_to_do()


def test_a_kv_secret_is_no_role(world: World, update: Update) -> None:
    """Asked to rotate what is no static role, the run says so, and changes nothing there."""
    saves = [row["saves"] for row in world.consoles["hq"].state()["rows"]]

    outcome = update(connections=["hq-m365"], rotate_role=True)

    assert isinstance(outcome.connection("hq-m365").error, InvalidInput)
    assert saves == [row["saves"] for row in world.consoles["hq"].state()["rows"]]
