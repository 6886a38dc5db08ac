"""Which sign-in policies reach an account."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.entra.client import EntraClient
from connectors.entra.models import RoleFacts, RoleHolding, SignInPolicies
from connectors.entra.policies import policy_findings
from tests.unit.entra.support import Answer, Wire, answer

ME, GROUP = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
ROLE, OTHER_ROLE = "62e90394-69f5-4237-9190-012177145e10", "fe930be7-5e62-47db-91af-98c3a49a38b1"
DEFAULTS = "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy"
POLICIES = "/v1.0/identity/conditionalAccess/policies"
HELD = RoleFacts(
    (
        RoleHolding(ROLE, "Global Administrator", "direct"),
        RoleHolding(OTHER_ROLE, "User Administrator", "eligible only"),
    ),
    (),
    (GROUP,),
)
ALL = {"includeUsers": ["All"]}


def _policy(users: dict[str, Any], **more: Any) -> dict[str, Any]:
    conditions = {
        "clientAppTypes": ["all"],
        "applications": {"includeApplications": ["All"]},
        "users": users,
        "locations": None,
    }
    return {
        "id": "p-1",
        "displayName": "The policy",
        "state": more.pop("state", "enabled"),
        "grantControls": more.pop("controls", {"operator": "OR", "builtInControls": ["mfa"]}),
        "conditions": conditions | more,
    }


def _seen(
    entra: EntraClient,
    wire: Wire,
    *policies: dict[str, Any],
    defaults: Answer = answer(body={"isEnabled": False}),  # noqa: B008  an answer has no state
) -> SignInPolicies:
    wire.on("GET", DEFAULTS, defaults)
    wire.on("GET", POLICIES, answer(body={"value": list(policies)}))
    return entra.sign_in_policies(ME, HELD)


@pytest.mark.parametrize(
    ("users", "reaches"),
    [
        (ALL, True),
        ({"includeUsers": [ME]}, True),
        ({"includeUsers": ["None"], "includeGroups": [GROUP]}, True),
        ({"includeRoles": [ROLE]}, True),
        ({"includeRoles": [OTHER_ROLE]}, False),
        ({"includeUsers": ["somebody"]}, False),
        ({"includeUsers": ["GuestsOrExternalUsers"]}, False),
        ({**ALL, "excludeUsers": [ME]}, False),
        ({**ALL, "excludeGroups": [GROUP]}, False),
        ({**ALL, "excludeRoles": [ROLE]}, False),
        ({**ALL, "excludeUsers": ["somebody"], "excludeRoles": [OTHER_ROLE]}, True),
    ],
)
def test_for_whom(entra: EntraClient, wire: Wire, users: dict[str, Any], reaches: bool) -> None:
    """A policy reaches the account by id, group or active role, unless one of these excludes it."""
    assert reaches == bool(_seen(entra, wire, _policy(users)).reaching)


@pytest.mark.parametrize(
    ("more", "when"),
    [
        ({}, ()),
        ({"applications": {"includeApplications": ["a", "b"]}}, ("for 2 of the applications",)),
        (
            {"applications": {"includeApplications": ["All"], "excludeApplications": ["a"]}},
            ("except for 1 of the applications",),
        ),
        ({"locations": {"includeLocations": ["All"]}}, ()),
        (
            {"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}},
            ("from some networks",),
        ),
        ({"platforms": {"includePlatforms": ["windows"]}}, ("on some systems",)),
        ({"devices": {"deviceFilter": {}}}, ("on some devices",)),
        ({"signInRiskLevels": ["high"]}, ("at some levels of risk",)),
    ],
)
def test_only_when(
    entra: EntraClient, wire: Wire, more: dict[str, Any], when: tuple[str, ...]
) -> None:
    """What cannot be decided from here is told with the policy, which is a finding all the same."""
    (policy,) = _seen(entra, wire, _policy(ALL, **more)).reaching
    assert when == policy.only_when


@pytest.mark.parametrize(
    "more",
    [
        {"state": "disabled"},
        {"controls": None},
        {"clientAppTypes": ["exchangeActiveSync", "other"]},
        {"applications": {"includeApplications": ["None"]}},
        {"authenticationFlows": {"transferMethods": "deviceCodeFlow"}},
    ],
)
def test_no_matter_for_a_password(entra: EntraClient, wire: Wire, more: dict[str, Any]) -> None:
    """A policy that is off, demands nothing or is for other ways to sign in is none of ours."""
    seen = _seen(entra, wire, _policy(ALL, **more))
    assert (seen.reaching, seen.report_only) == ((), ())


@pytest.mark.parametrize(
    ("controls", "demands"),
    [
        ({"builtInControls": ["block"]}, "blocks the sign-in"),
        (
            {"operator": "OR", "builtInControls": ["mfa", "compliantDevice"]},
            "demands multi-factor authentication or demands a compliant device",
        ),
        (
            {"operator": "AND", "builtInControls": ["mfa"], "termsOfUse": ["t"]},
            "demands multi-factor authentication and demands terms of use to be accepted",
        ),
        ({"authenticationStrength": {"id": "s"}}, "demands an authentication strength"),
        ({"builtInControls": ["newThing"]}, "demands newThing"),
    ],
)
def test_demands(entra: EntraClient, wire: Wire, controls: dict[str, Any], demands: str) -> None:
    """What a policy demands is told in words, a control that we do not know by its name."""
    (policy,) = _seen(entra, wire, _policy(ALL, controls=controls)).reaching
    assert demands == policy.demands


def test_report_only_is_no_finding(entra: EntraClient, wire: Wire) -> None:
    """A policy that only reports is named, and stops nothing."""
    seen = _seen(entra, wire, _policy(ALL, state="enabledForReportingButNotEnforced"))
    assert (seen.reaching, seen.report_only) == ((), ("The policy",))
    assert policy_findings(seen, "a@b") == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answer(403, "error-forbidden"), "give the verifier Policy.Read.All"),
        (answer(400, "error-no-licence"), "InvalidInput"),
        (answer(429, "error-throttled"), "Unreachable"),
        (answer(body={"isEnabled": "perhaps"}), "Unreachable"),
    ],
)
def test_not_readable_is_not_checked(
    entra: EntraClient, wire: Wire, given: Answer, said: str
) -> None:
    """What may not or cannot be read is named, the other one is read all the same, and nothing fails."""
    seen = _seen(entra, wire, _policy(ALL), defaults=given)
    assert seen.security_defaults is None
    assert len(seen.reaching) == 1
    (unread,) = seen.unread
    assert said in unread
    wire.on("GET", POLICIES, given)
    assert len(entra.sign_in_policies(ME, HELD).unread) == 2


def test_security_defaults(entra: EntraClient, wire: Wire) -> None:
    """Security defaults that are on are a finding with the vendor's way round them."""
    seen = _seen(entra, wire, defaults=answer(body={"isEnabled": True}))
    (finding,) = policy_findings(seen, "a@b")
    assert finding.code == "entra.security-defaults-on"
    assert "Validate" in finding.what_to_do()
