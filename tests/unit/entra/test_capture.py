"""Capturing a manifest from a tenant that is known to be good."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.entra.capture import capture
from connectors.entra.consent import review
from connectors.entra.manifest import load_manifest
from connectors.entra.models import ConsentManifest, ConsentVerdict
from connectors.errors import InvalidInput, NotFound, OutOfStep, Unreachable
from tests.fakes.tenant_model import ACCOUNT, APP_NAME, TenantModel
from tests.unit.entra.test_tenants import facts_of

NOTHING = ConsentManifest("capture", APP_NAME, frozenset())


@pytest.fixture
def good() -> TenantModel:
    """Return a tenant where the product works."""
    tenant = TenantModel()
    tenant.assign("graph/User.Read.All exchange/Exchange.ManageAsApp")
    tenant.give("svc", "graph/User.Read graph/openid exchange/Exchange.Manage")
    tenant.give("Her", "graph/Mail.Read")
    return tenant


def test_what_is_captured_is_fully_granted_there(good: TenantModel, tmp_path: Path) -> None:
    """The manifest loads, and the tenant that it came from has exactly what it lists."""
    file = tmp_path / "mine.json"
    file.write_text(capture(facts_of(good, NOTHING), "api-access-13.3"))
    manifest = load_manifest(file)
    assert (manifest.name, manifest.app_display_name) == ("api-access-13.3", APP_NAME)
    assert {item.value for item in manifest.permissions} == {
        "User.Read.All", "Exchange.ManageAsApp", "User.Read", "openid", "Exchange.Manage",
    }  # fmt: skip
    reviewed = review(manifest, facts_of(good, manifest), ACCOUNT)
    assert reviewed.verdict is ConsentVerdict.FULLY_GRANTED


def test_granted_for_everybody(good: TenantModel, tmp_path: Path) -> None:
    """What the product only holds through everybody's grant is needed too; the document says where from."""
    good.give("", "graph/Mail.Read")
    text = capture(facts_of(good, NOTHING), "mine")
    assert "whole organization: Mail.Read" in json.loads(text)["note"]
    assert "Mail.Read" in [item["value"] for item in json.loads(text)["permissions"]]


def test_beyond_the_registration(good: TenantModel) -> None:
    """What the registration does not ask for is captured, and told."""
    good.declared = ("scopes:graph/User.Read",)
    note = json.loads(capture(facts_of(good, NOTHING), "mine"))["note"]
    assert "User.Read.All" in note
    assert "openid" not in note


def test_a_tenant_that_is_not_good(good: TenantModel) -> None:
    """Where the registration asks for what is not granted, nothing is captured."""
    good.declared = ("scopes:graph/User.ReadWrite.All", "roles:graph/Group.Read.All")
    with pytest.raises(OutOfStep) as refused:
        capture(facts_of(good, NOTHING), "mine")
    assert "User.ReadWrite.All" in str(refused.value)


def test_nothing_to_capture(good: TenantModel) -> None:
    """No app, no grant, no name, or a partial reading: no manifest, and the reason."""
    facts = facts_of(good, NOTHING)
    with pytest.raises(NotFound):
        capture(facts_of(TenantModel(), NOTHING), "mine")
    with pytest.raises(NotFound):
        capture(facts_of(TenantModel(app=False), NOTHING), "mine")
    with pytest.raises(InvalidInput):
        capture(facts, " ")
    with pytest.raises(Unreachable) as partial:
        capture(replace(facts, complete=False, unread=("the delegated grants",)), "mine")
    assert "the delegated grants" in str(partial.value)


def test_a_permission_that_is_gone(good: TenantModel) -> None:
    """An app role of which only its id is left cannot be granted anew, and is left out."""
    role = facts_of(good, NOTHING).grants[0]
    gone = replace(role.permission, value="99999999-0000-4000-8000-000000000001")
    facts = facts_of(good, NOTHING)
    facts = replace(facts, grants=(*facts.grants, replace(role, permission=gone)))
    assert gone.value not in capture(facts, "mine")
