"""The verdict, as a pure function."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.entra.consent import SIGN_IN_SCOPES, needed_how, review
from connectors.entra.models import (
    ConsentFacts,
    ConsentManifest,
    ConsentVerdict,
    EntraAccount,
    EntraApp,
    Grant,
    GrantedHow,
    Permission,
    PermissionKind,
)

GRAPH = "00000003-0000-0000-c000-000000000000"
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
ACCOUNT = EntraAccount("account-id", "svc@corp.example.test", True, True, None)
APP = EntraApp("app-id", "principal-id", "API Access", True)
APPLICATION, DELEGATED = PermissionKind.APPLICATION, PermissionKind.DELEGATED


def permission(kind: PermissionKind, value: str, resource: str = GRAPH) -> Permission:
    """Name one permission."""
    return Permission(resource, "Microsoft Graph", kind, value)


READ_ALL = permission(APPLICATION, "User.Read.All")
READ = permission(DELEGATED, "User.Read")
WRITE = permission(DELEGATED, "User.ReadWrite.All")
MANIFEST = ConsentManifest("test", "API Access", frozenset({READ_ALL, READ, WRITE}))
FULL = tuple(Grant(item, needed_how(item)) for item in sorted(MANIFEST.permissions))


def facts(*grants: Grant, **changes: object) -> ConsentFacts:
    """Return complete facts with these grants."""
    whole = ConsentFacts(APP, grants, (), (), complete=True, unread=())
    return replace(whole, **changes)  # type: ignore[arg-type]


def codes(of: ConsentFacts) -> list[str]:
    """Return the codes of the findings."""
    return [finding.code for finding in review(MANIFEST, of, ACCOUNT).findings]


def test_fully_granted() -> None:
    """Everything granted as it must be leaves nothing to say."""
    reviewed = review(MANIFEST, facts(*FULL), ACCOUNT)
    assert reviewed.verdict is ConsentVerdict.FULLY_GRANTED
    assert reviewed.ready
    assert reviewed.findings == ()
    assert {line.permission for line in reviewed.lines} == MANIFEST.permissions


def test_partial_names_each() -> None:
    """Each missing permission is named with its kind and the call that grants it to this account."""
    reviewed = review(MANIFEST, facts(FULL[0]), ACCOUNT)
    assert reviewed.verdict is ConsentVerdict.PARTIAL
    assert {finding.subject for finding in reviewed.findings} == {
        item.value for item in MANIFEST.permissions if item != FULL[0].permission
    }
    for finding in reviewed.findings:
        assert '"consentType": "Principal"' in finding.what_to_do()
        assert ACCOUNT.id in finding.what_to_do()


def test_missing_application_permission() -> None:
    """An application permission is granted by an app role assignment."""
    without = [grant for grant in FULL if grant.permission != READ_ALL]
    (finding,) = review(MANIFEST, facts(*without), ACCOUNT).findings
    assert "appRoleAssignedTo" in finding.what_to_do()
    assert APP.service_principal_id in finding.what_to_do()


@pytest.mark.parametrize(
    ("of", "verdict", "said"),
    [
        (facts(), ConsentVerdict.NOT_GRANTED, ["consent.permission-missing"] * 3),
        (facts(app=None), ConsentVerdict.APP_MISSING, ["consent.app-missing"]),
        (
            facts(*FULL, Grant(READ, GrantedHow.ORGANIZATION)),
            ConsentVerdict.GRANTED_ORG_WIDE,
            ["consent.granted-organization-wide"],
        ),
        (
            facts(*FULL, Grant(permission(APPLICATION, "Mail.Read"), GrantedHow.APPLICATION)),
            ConsentVerdict.OVER_GRANTED,
            ["consent.over-granted"],
        ),
        (facts(*FULL, app=replace(APP, enabled=False)), ConsentVerdict.PARTIAL, ["consent.app-disabled"]),
        (facts(*FULL, stale=(READ,)), ConsentVerdict.PARTIAL, ["consent.permission-stale"]),
        (
            facts(*FULL, complete=False, unread=("the delegated grants",)),
            ConsentVerdict.INDETERMINATE,
            ["consent.unread"],
        ),
        (
            facts(app=None, complete=False, unread=("the app",)),
            ConsentVerdict.INDETERMINATE,
            ["consent.unread"],
        ),
    ],
)  # fmt: skip
def test_verdicts(of: ConsentFacts, verdict: ConsentVerdict, said: list[str]) -> None:
    """Each verdict comes with its findings."""
    assert review(MANIFEST, of, ACCOUNT).verdict is verdict
    assert codes(of) == said


def test_findings_name_everything_at_once() -> None:
    """The gravest verdict wins; the findings keep the rest."""
    of = facts(
        Grant(READ, GrantedHow.ORGANIZATION),
        Grant(permission(DELEGATED, "Mail.Read"), GrantedHow.CONNECTION_ACCOUNT),
        app=replace(APP, enabled=False),
        stale=(WRITE,),
    )
    assert review(MANIFEST, of, ACCOUNT).verdict is ConsentVerdict.GRANTED_ORG_WIDE
    seen = ["consent.granted-organization-wide", "consent.over-granted"]
    broken = ["consent.app-disabled", "consent.permission-stale"]
    assert codes(of) == [*broken, *["consent.permission-missing"] * 2, *seen]
    partly = replace(of, complete=False, unread=("the application permissions",))
    assert review(MANIFEST, partly, ACCOUNT).verdict is ConsentVerdict.INDETERMINATE
    assert codes(partly) == ["consent.unread", *broken, *seen], "not seen is not missing"


def test_organization_wide_does_not_count_as_granted() -> None:
    """A grant for everybody is not one for the account, and the safe order is told."""
    of = facts(FULL[0], Grant(READ, GrantedHow.ORGANIZATION))
    lines = {line.permission: line for line in review(MANIFEST, of, ACCOUNT).lines}
    assert lines[READ].granted == (GrantedHow.ORGANIZATION,)
    wide = review(MANIFEST, of, ACCOUNT).findings[-1].what_to_do()
    assert wide.index("Principal") < wide.index("DELETE")


def test_missing_resource_is_said_once() -> None:
    """What cannot be granted is not called missing as well."""
    wanted = permission(APPLICATION, "Exchange.ManageAsApp", EXCHANGE)
    manifest = ConsentManifest("test", "API Access", MANIFEST.permissions | {wanted})
    of = facts(*FULL, missing_resources=(EXCHANGE,))
    reviewed = review(manifest, of, ACCOUNT)
    assert reviewed.verdict is ConsentVerdict.PARTIAL
    assert [finding.code for finding in reviewed.findings] == ["consent.resource-missing"]


def test_names_are_compared_as_the_directory_does() -> None:
    """Case, and the resource's display name, make no difference."""
    granted = [
        Grant(
            Permission(GRAPH.upper(), "Graph", g.permission.kind, g.permission.value.lower()), g.how
        )
        for g in FULL
    ]
    assert review(MANIFEST, facts(*granted), ACCOUNT).verdict is ConsentVerdict.FULLY_GRANTED


def test_sign_in_scopes_are_not_too_much() -> None:
    """What every sign-in adds by itself is no over-grant, but for everybody it is one."""
    mine = [
        Grant(permission(DELEGATED, name), GrantedHow.CONNECTION_ACCOUNT) for name in SIGN_IN_SCOPES
    ]
    assert review(MANIFEST, facts(*FULL, *mine), ACCOUNT).verdict is ConsentVerdict.FULLY_GRANTED
    wide = Grant(permission(DELEGATED, "openid"), GrantedHow.ORGANIZATION)
    assert review(MANIFEST, facts(*FULL, wide), ACCOUNT).verdict is ConsentVerdict.GRANTED_ORG_WIDE


def test_another_user_changes_nothing() -> None:
    """What another user granted for himself neither helps nor hurts."""
    other = [Grant(item, GrantedHow.ANOTHER_USER) for item in (READ, permission(DELEGATED, "X"))]
    assert review(MANIFEST, facts(*FULL, *other), ACCOUNT).verdict is ConsentVerdict.FULLY_GRANTED
    assert review(MANIFEST, facts(*other), ACCOUNT).verdict is ConsentVerdict.NOT_GRANTED


def test_drift_is_told_without_changing_the_verdict() -> None:
    """The registration's own list is compared with the manifest; the verdict follows the manifest."""
    declared = frozenset({READ_ALL, READ, permission(DELEGATED, "Mail.Read")})
    of = facts(*FULL, declared=declared)
    reviewed = review(MANIFEST, of, ACCOUNT)
    assert reviewed.verdict is ConsentVerdict.FULLY_GRANTED
    assert {(f.code, f.subject) for f in reviewed.findings} == {
        ("consent.manifest-drift", "Mail.Read"),
        ("consent.manifest-drift", "User.ReadWrite.All"),
    }


PERMISSIONS = st.sampled_from(
    [permission(kind, value, resource)
     for kind in PermissionKind for value in ("A", "B", "openid") for resource in (GRAPH, EXCHANGE)]
)  # fmt: skip
GRANTS = st.lists(
    st.builds(Grant, PERMISSIONS, st.sampled_from(GrantedHow)), max_size=14, unique=True
)


@given(
    required=st.frozensets(PERMISSIONS, min_size=1, max_size=6),
    grants=GRANTS,
    enough=st.booleans(),
    complete=st.booleans(),
    whole=st.sampled_from([True, True, True, False]),
    app=st.sampled_from([APP, APP, APP, None, replace(APP, enabled=False)]),
)
def test_fully_granted_means_just_that(
    required: frozenset[Permission],
    grants: list[Grant],
    enough: bool,
    complete: bool,
    whole: bool,
    app: EntraApp | None,
) -> None:
    """FULLY_GRANTED if and only if all of a whole list, none org-wide, nothing beyond, all read."""
    if enough:
        grants = [*grants, *(Grant(item, needed_how(item)) for item in required)]
    of = facts(*grants, complete=complete, app=app)
    reviewed = review(ConsentManifest("test", "app", required, whole), of, ACCOUNT)
    proper = {grant.permission for grant in grants if grant.how is needed_how(grant.permission)}
    mine = {GrantedHow.APPLICATION, GrantedHow.CONNECTION_ACCOUNT}
    beyond = [
        grant
        for grant in grants
        if grant.how in mine
        and grant.permission not in required
        and not (grant.permission.kind is DELEGATED and grant.permission.value == "openid")
    ]
    wide = [grant for grant in grants if grant.how is GrantedHow.ORGANIZATION]
    may_work = (
        complete and whole and app is not None and app.enabled and required <= proper and not wide
    )
    assert (reviewed.verdict is ConsentVerdict.FULLY_GRANTED) == (may_work and not beyond)
    assert reviewed.ready == may_work
    assert may_work or reviewed.findings, "a verdict that is not ready says why"


@given(grants=GRANTS, complete=st.booleans(), app=st.sampled_from([APP, None]))
def test_never_recommends_consent_for_everybody(
    grants: list[Grant], complete: bool, app: EntraApp | None
) -> None:
    """No advice leads to the portal's tenant-wide button or address, nor ticks the checkbox."""
    unread = () if complete else ("the delegated grants",)
    of = facts(*grants, complete=complete, app=app, unread=unread)
    for finding in review(MANIFEST, of, ACCOUNT).findings:
        text = finding.what_to_do().casefold()
        assert "admin consent" not in text
        assert "adminconsent" not in text
        assert text.count("on behalf of") == text.count(
            "on behalf of your organization' left unticked"
        )
        assert '"consenttype": "allprincipals"' not in text or "delete" in text
