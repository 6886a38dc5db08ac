"""E3 to E7: the account, one password sign-in, the app, the prompt, and two opinions about consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.cayosoft.models import ConsoleConsent
from connectors.entra.codes import classify
from connectors.entra.models import (
    EntraApp,
    ProbeVerdict,
    RoleFacts,
    RoleHolding,
    SignInPolicies,
    SignInPolicy,
)
from connectors.entra.remediation import RemediationPlan
from connectors.errors import (
    InvalidInput,
    NeedsPerson,
    NotFound,
    NotPermitted,
    OutOfStep,
    RotationError,
    SignInReason,
    SignInRefused,
    Unknown,
    Unreachable,
)
from flows import remediation
from tasks import _entra_checks, consent, entra_id, preflight, remediate, review
from tasks._accounts import Tenancy
from tasks.remediate import Approval
from tasks.review import Reviewed
from tests.fakes.console import M365_ROW
from tests.unit.tasks.conftest import Scene, plain

CHANGES = ("snapshot", "grant_for_account", "grant_to_application", "withdraw_from_organization")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the texts that were kept in Prefect, by key."""
    texts: dict[str, str] = {}

    def keep(key: str, text: str, _: str) -> None:
        texts[key] = text

    monkeypatch.setattr(remediate, "keep_markdown", keep)
    monkeypatch.setattr(remediate, "is_kept", texts.__contains__)
    return texts


RAISED: dict[ProbeVerdict, tuple[type[RotationError], SignInReason | None]] = {
    ProbeVerdict.INVALID: (SignInRefused, SignInReason.WRONG_PASSWORD),
    ProbeVerdict.LOCKED: (SignInRefused, SignInReason.LOCKED),
    ProbeVerdict.DISABLED: (SignInRefused, SignInReason.DISABLED),
    ProbeVerdict.USER_NOT_FOUND: (SignInRefused, SignInReason.NOT_FOUND),
    ProbeVerdict.TRANSIENT: (Unreachable, None),
    ProbeVerdict.CLIENT_CONFIG: (InvalidInput, None),
    ProbeVerdict.TENANT_CONFIG: (InvalidInput, None),
}


@pytest.mark.parametrize("verdict", list(ProbeVerdict))
def test_every_verdict_has_its_consequence(scene: Scene, verdict: ProbeVerdict) -> None:
    """Each answer to the sign-in either stops the step with its kind, or goes on and says what is open."""
    scene.entra.probe = replace(scene.entra.probe, verdict=verdict, codes=(50126,), retry_after=7.0)
    if verdict in RAISED:
        kind, reason = RAISED[verdict]
        with pytest.raises(kind, match="50126") as caught:
            _entra_checks.password(scene.systems, scene.m365)
        assert getattr(caught.value, "reason", None) is reason
        assert getattr(caught.value, "retry_after", 7.0) == 7.0
        assert caught.value.what_to_do()
        return
    _entra_checks.password(scene.systems, scene.m365)
    open_points = (scene.codes, len(scene.here.unchecked))
    expected = {
        ProbeVerdict.VALID: ([], 0),
        ProbeVerdict.UNKNOWN: ([], 1),
    }.get(verdict, (["entra.sign-in-not-complete"], 0))
    assert expected == open_points
    assert scene.entra.calls.count("probe_password") == 1


@pytest.mark.parametrize(
    ("code", "meaning", "action"),
    [
        (50055, "the password has expired", "new password"),
        (65001, "the probe app lacks consent", "probe app"),
        (50076, "multi-factor authentication is demanded", "Conditional Access"),
        (50079, "must enrol", "Validate"),
        (50158, "a control outside Entra", "custom control"),
        (53003, "Conditional Access blocks", "Exclude the account"),
    ],
)
def test_the_answer_is_explained(scene: Scene, code: int, meaning: str, action: str) -> None:
    """What the sign-in ended with is told in words, with what is to be done about this very answer."""
    scene.entra.probe = replace(scene.entra.probe, verdict=classify([code]), codes=(code,))
    _verdict, said = _entra_checks.password(scene.systems, scene.m365)
    (finding,) = scene.here.findings
    assert meaning in finding.detail
    assert f"AADSTS{code}" in finding.detail
    assert meaning in said
    assert action in finding.what_to_do()


@pytest.mark.parametrize(
    ("code", "word"), [(530035, "security defaults"), (7000112, "registration")]
)
def test_a_misconfiguration_is_explained(scene: Scene, code: int, word: str) -> None:
    """An answer that says nothing about the password still says what is wrong."""
    scene.entra.probe = replace(scene.entra.probe, verdict=classify([code]), codes=(code,))
    with pytest.raises(InvalidInput) as caught:
        _entra_checks.password(scene.systems, scene.m365)
    assert word in caught.value.what_to_do()


def test_disabled_account_costs_no_sign_in(scene: Scene) -> None:
    """An account that is seen to be disabled is refused before a password is sent."""
    scene.entra.user = replace(scene.entra.user, enabled=False)
    with pytest.raises(SignInRefused, match="disabled"):
        plain(entra_id.update_credential)(scene.systems, scene.m365, dry_run=False)
    assert "probe_password" not in scene.entra.calls


def test_roles_become_findings(scene: Scene) -> None:
    """An eligible role does not count, a synchronised account is named, what was not read is said."""
    eligible = RoleHolding("62e90394", "Global Administrator", "eligible only")
    scene.entra.roles = RoleFacts((eligible,), ("eligible roles: no licence",))
    account = replace(scene.entra.user, cloud_only=False)
    said = _entra_checks.standing(scene.systems, scene.m365, account)
    assert said == "roles: none; policies that reach its sign-in: none"
    assert sorted(scene.codes) == ["entra.not-cloud-only", "entra.role-missing"]
    assert scene.here.unchecked == ["roles of svc@contoso.example: eligible roles: no licence"]


def test_policies_are_signals(scene: Scene) -> None:
    """Security defaults and Conditional Access are findings; what is not read is said, and nothing fails."""
    blocks = SignInPolicy("p-1", "Block all", "blocks the sign-in", ())
    scene.entra.policies = SignInPolicies(True, (blocks,), ("Trial",), ())
    said = _entra_checks.standing(scene.systems, scene.m365, scene.entra.user)
    assert said.endswith("Block all, security defaults, Trial (report only)")
    assert scene.codes == ["entra.security-defaults-on", "entra.conditional-access"]
    assert "excludeUsers" in scene.here.findings[1].what_to_do()
    scene.entra.policies = SignInPolicies(None, (), (), ("security defaults: give it",))
    said = _entra_checks.standing(scene.systems, scene.m365, scene.entra.user)
    assert said.endswith("not all read")
    assert scene.here.unchecked == [
        "sign-in policies that reach svc@contoso.example: security defaults: give it"
    ]


def test_a_role_for_a_part_is_told_with_its_scope(scene: Scene) -> None:
    """The evidence does not show a role for an administrative unit as if it were one for the tenant."""
    scene.entra.roles = RoleFacts(
        (RoleHolding("fe930be7", "User Administrator", "direct", "/administrativeUnits/1"),), ()
    )
    said = _entra_checks.standing(scene.systems, scene.m365, scene.entra.user)
    assert said.startswith("roles: User Administrator for /administrativeUnits/1;")


@pytest.mark.parametrize(
    ("in_use", "idle", "missing"),
    [
        ("/", "/", None),
        ("/", "/administrativeUnits/1", "User Administrator"),
        ("/administrativeUnits/1", "/", None),
        ("/administrativeUnits/1", "/administrativeUnits/2", "for /administrativeUnits/1"),
    ],
)
def test_the_idle_account_needs_the_same_scope(
    scene: Scene, in_use: str, idle: str, missing: str | None
) -> None:
    """A role for a part of the tenant does not stand for the same one everywhere; the other way round it does."""
    scopes = {"in-use@x": in_use, "idle@x": idle}
    scene.entra.account = lambda upn: replace(scene.entra.user, id=upn, upn=upn)  # type: ignore[method-assign]
    scene.entra.role_facts = lambda account_id: RoleFacts(  # type: ignore[method-assign]
        (RoleHolding("fe930be7", "User Administrator", "direct", scopes[account_id]),), ()
    )
    home = Tenancy(scene.systems, scene.m365)
    if missing is None:
        preflight._require_same_roles(home, "in-use@x", "idle@x")
        return
    with pytest.raises(NotPermitted) as caught:
        preflight._require_same_roles(home, "in-use@x", "idle@x")
    assert missing in caught.value.identifiers["lacks"]


def test_one_of_several_roles(scene: Scene) -> None:
    """Of a list in the inventory one role is enough; every other entry is needed too."""
    connection = scene.m365.in_tenant.model_copy(
        update={
            "required_roles": (
                ("User Administrator",),
                ("Groups Administrator", "Exchange Administrator"),
            )
        }
    )
    location = replace(scene.m365, connection=connection)
    held = RoleHolding("29232cdf", "Exchange Administrator", "direct")
    scene.entra.roles = RoleFacts((held,), ())
    _entra_checks.standing(scene.systems, location, scene.entra.user)
    assert [finding.subject for finding in scene.here.findings] == ["User Administrator"]


def test_app_whose_answer_was_lost(scene: Scene) -> None:
    """A lost answer is followed by the same request under the same key, which searches first."""
    scene.screen.fail("find_or_register_app", Unknown("c", "app"), applied=True)
    app = plain(consent.find_or_register_app)(scene.systems, scene.m365, M365_ROW)
    assert app.app_id == "app-1"
    assert len(scene.screen.keys) == 2
    assert len(set(scene.screen.keys)) == 1


def test_app_that_stays_unknown(scene: Scene) -> None:
    """A console that is away after the lost answer leaves it unknown."""
    scene.screen.fail("find_or_register_app", Unknown("c", "app"), *[Unreachable("c", "app")] * 9)
    with pytest.raises(Unknown):
        plain(consent.find_or_register_app)(scene.systems, scene.m365, M365_ROW)


@pytest.mark.parametrize(("applied", "asked"), [(True, 1), (False, 2)])
def test_prompt_whose_answer_was_lost(scene: Scene, applied: bool, asked: int) -> None:
    """After a lost answer the prompt is opened again: it is accepted again only if it still asks."""
    scene.screen.fail("accept_permissions", Unknown("c", "accept"), applied=applied)
    plain(consent.accept_permission_request)(scene.systems, scene.m365, M365_ROW)
    assert scene.screen.calls.count("accept_permissions") == asked
    assert set(scene.screen.organization) == {False}


def test_prompt_lost_twice(scene: Scene) -> None:
    """An acceptance that is lost twice and still asked for is unknown."""
    scene.screen.fail("accept_permissions", *[Unknown("c", "accept")] * 2)
    with pytest.raises(Unknown):
        plain(consent.accept_permission_request)(scene.systems, scene.m365, M365_ROW)


def test_prompt_that_asks_for_nothing(scene: Scene) -> None:
    """Where all is granted nothing is accepted."""
    scene.screen.granted = True
    plain(consent.accept_permission_request)(scene.systems, scene.m365, M365_ROW)
    assert "accept_permissions" not in scene.screen.calls


def test_collecting_has_an_end(scene: Scene) -> None:
    """A console that collects for longer than five minutes ends the step; time here does not pass."""
    scene.screen.words = replace(scene.screen.words, collecting=True)
    with pytest.raises(Unreachable, match="waited=300 s"):
        plain(consent.accept_permission_request)(scene.systems, scene.m365, M365_ROW)


def _words(status: str, **more: bool) -> ConsoleConsent:
    return ConsoleConsent(status, (), more.get("red_banner", False), more.get("collecting", False))


def _review(scene: Scene, app_id: str | None = "app-1") -> bool:
    reviewed = plain(review.review_consent)(scene.systems, scene.m365, M365_ROW, app_id)
    return bool(reviewed.ready)


def test_two_opinions_that_agree(scene: Scene) -> None:
    """When tenant and console both say fully granted, it is ready and nothing is found."""
    assert _review(scene)
    assert scene.codes == []
    assert scene.here.consent is not None


@pytest.mark.parametrize("words", [_words("Not granted"), _words("Fully granted", red_banner=True)])
def test_a_console_that_contradicts_the_tenant(scene: Scene, words: ConsoleConsent) -> None:
    """All granted in the tenant and not in the console: two systems disagree, and it is not Ready."""
    scene.screen.words = words
    with pytest.raises(OutOfStep, match="tenant=Fully granted"):
        _review(scene)


def test_a_console_that_lags_is_waited_for(scene: Scene) -> None:
    """Words that catch up within half a minute are no disagreement."""
    scene.screen.words = _words("Not granted")
    looked = scene.screen.consent

    def catching_up(row: object) -> ConsoleConsent:
        if scene.screen.calls.count("consent") == 2:
            scene.screen.words = _words("Fully granted")
        return looked(M365_ROW)

    scene.screen.consent = catching_up  # type: ignore[method-assign,assignment]
    assert _review(scene)


def test_a_console_that_says_too_much(scene: Scene) -> None:
    """Words that claim more than the tenant shows are a finding; the tenant decides."""
    scene.entra.withheld = {"User.ReadWrite.All"}
    assert not _review(scene)
    assert scene.codes == ["consent.out-of-step"]


def test_nothing_contradicts_what_is_not_known(scene: Scene) -> None:
    """An incomplete reading contradicts no words, and words mean nothing while the console collects."""
    scene.entra.complete = False
    assert not _review(scene)
    scene.entra.complete = True
    scene.screen.words = _words("", collecting=True)
    assert _review(scene)
    assert scene.codes == []


def test_a_dry_run_compares_without_judging(scene: Scene) -> None:
    """In a dry run the console's words may come from an outdated credential: a finding, no error."""
    scene.run.dry_run = True
    scene.screen.words = _words("Not granted")
    assert _review(scene, None)
    assert scene.codes == ["consent.out-of-step"]


def test_words_that_cannot_be_read(scene: Scene) -> None:
    """A console that cannot tell leaves that unchecked; the tenant decides."""
    scene.screen.fail("consent", NotFound("c", "read consent"))
    assert _review(scene)
    assert "the console's own consent status" in scene.here.unchecked[0]


def test_app_by_name_is_the_only_one(scene: Scene) -> None:
    """Without an app id, no app is not found, and several of one name are not guessed between."""
    scene.entra.apps = ()
    with pytest.raises(NotFound):
        _review(scene, None)
    other = EntraApp("app-2", "sp-2", "The App", enabled=True)
    scene.entra.apps = (other, replace(other, app_id="app-1"))
    with pytest.raises(OutOfStep, match="app-1 app-2"):
        _review(scene, None)


def _not_ready(scene: Scene) -> Reviewed:
    scene.screen.words = _words("Not granted")
    scene.entra.withheld = {"User.ReadWrite.All"}
    scene.entra.organization = {"User.Read"}
    reviewed: Reviewed = plain(review.review_consent)(scene.systems, scene.m365, M365_ROW, "app-1")
    return reviewed


def test_what_is_missing_is_said(scene: Scene) -> None:
    """R1 gives each finding of the review to the report, and the plan that would repair it."""
    plan = plain(remediate.say_what_is_missing)(scene.m365, _not_ready(scene))
    assert "consent.permission-missing" in scene.codes
    assert scene.here.plan is plan
    assert not plan.empty


def test_an_approved_plan_is_carried_out(scene: Scene, kept: dict[str, str]) -> None:
    """R2 keeps what was granted first, then does the plan's changes; R3 finds the consent whole."""
    reviewed = _not_ready(scene)
    plan = plain(remediate.say_what_is_missing)(scene.m365, reviewed)
    approval = Approval.of(plan, "approved by a test")
    plain(remediate.grant_what_is_missing)(scene.systems, scene.m365, approval)
    assert [*kept] == [f"{scene.m365.name}-consent-before"]
    assert "User.Read" in kept[f"{scene.m365.name}-consent-before"]
    order = [call for call in scene.entra.calls if call in CHANGES]
    assert order == [*CHANGES]
    scene.screen.words = _words("Fully granted")
    again = plain(review.review_again)(scene.systems, scene.m365, M365_ROW, "app-1", reviewed)
    assert again.ready
    assert scene.codes == []


def test_what_cannot_be_kept_is_not_touched(scene: Scene, kept: dict[str, str]) -> None:
    """Where what is granted now cannot be kept, nothing is changed."""
    approval = Approval.of(_not_ready(scene).plan, "approved by a test")
    scene.entra.fail("snapshot", Unreachable("entra", "read grants"))
    with pytest.raises(Unreachable):
        plain(remediate.grant_what_is_missing)(scene.systems, scene.m365, approval)
    assert kept == {}
    assert not set(scene.entra.calls) & {*CHANGES[1:]}


def test_an_approval_runs_out(scene: Scene, kept: dict[str, str]) -> None:
    """A yes that is too old changes nothing: a person has to be asked again."""
    plan = _not_ready(scene).plan
    old = Approval(plan, "approved by a test", scene.entra.now - timedelta(seconds=1))
    with pytest.raises(NeedsPerson):
        plain(remediate.grant_what_is_missing)(scene.systems, scene.m365, old)
    assert scene.entra.withheld == {"User.ReadWrite.All"}


def test_a_policy_takes_nothing_from_anybody(scene: Scene) -> None:
    """Without a person only that is done by which nobody else loses access."""
    plan = _not_ready(scene).plan
    assert plan.withdrawals
    some = replace(plan, losers_known=True)
    assert remediation.harmless(some) == some
    for who in (replace(some, losers_known=False), _with_loser(some)):
        assert remediation.harmless(who) == replace(who, withdrawals=())


def _with_loser(plan: RemediationPlan) -> RemediationPlan:
    return replace(
        plan, withdrawals=tuple(replace(item, losers=("somebody",)) for item in plan.withdrawals)
    )
