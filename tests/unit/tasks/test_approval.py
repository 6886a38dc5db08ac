"""Who says yes to a plan: nobody in a dry run, the policy, the plan's name, a person's form."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from connectors.entra.consent import review as review_of
from connectors.entra.manifest import load_manifest
from connectors.entra.planning import plan as plan_of
from connectors.entra.remediation import RemediationPlan
from connectors.errors import NeedsPerson, NotYet, OutOfStep
from connectors.models import SecretHandle
from connectors.vault.models import Approval as VaultApproval
from flows import _approval, asking
from flows._approval import Answers
from flows._form import GRANT, Decision
from flows._run import Run
from flows.asking import Answered, Form
from inventory.models import ConsentPolicy, Microsoft365Connection
from report.guide import plan_to_approve
from report.record import RunRecord
from tasks._wait import CLOCK
from tasks.identify import Location
from tests.fakes.directory import START
from tests.unit.tasks.conftest import Scene


@dataclass
class Desk:
    """A run with a plan, and the person who may be asked about it."""

    scene: Scene
    location: Location
    plan: RemediationPlan
    remediator: bool = True
    policy: ConsentPolicy = ConsentPolicy.ASK
    others: list[str] = field(default_factory=list)
    decision: Decision | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    given: dict[str, Answered[Decision]] = field(default_factory=dict)
    approvals: SecretHandle | None = None

    @property
    def record(self) -> RunRecord:
        """The run's record."""
        return self.scene.run

    def may_remedy(self, _: object) -> bool:
        """Say whether the tenant has a remediator."""
        return self.remediator

    @property
    def systems(self) -> Any:
        """The systems of the run."""
        return self.scene.systems

    def ask(self, form: Form[Decision]) -> None:
        """Be Prefect: remember what is asked, and keep the answer that the resumed run finds."""
        holder = self.location.ledger.ledger.holder
        self.asked.append({"form": form, "holder": holder})
        assert self.decision, "nobody answers"
        assert len(self.asked) < 9, "asked without end"
        self.given[form.key] = Answered(form.key, self.decision, None, "in the Prefect UI")

    def answered(self, key: str, _: object) -> Answered[Decision] | None:
        """Return what was answered."""
        return self.given.get(key)

    def decide(self, approve: str | None = None, *, dry_run: bool = False) -> Any:
        """Ask whether the plan may be carried out."""
        connection = cast("Microsoft365Connection", self.location.connection)
        consent = connection.consent.model_copy(update={"policy": self.policy})
        changed = connection.model_copy(update={"consent": consent})
        location = replace(self.location, connection=changed)
        answers = Answers(cast("Run", self), location, approve, "somebody")
        return answers.permission(dry_run=dry_run)(self.plan)


@pytest.fixture
def desk(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a run of a deployment whose plan grants, and withdraws from everybody."""
    scene.entra.withheld = {"User.ReadWrite.All"}
    scene.entra.organization = {"User.Read"}
    location = scene.m365
    manifest = load_manifest(location.in_tenant.consent.manifest)
    facts = scene.entra.consent_facts("app-1", scene.entra.user.id, manifest)
    assert not review_of(manifest, facts, scene.entra.user).ready
    desk = Desk(scene, location, plan_of(manifest, facts, scene.entra.user))
    assert desk.plan.withdrawals
    monkeypatch.setattr(_approval, "deployment_of_this_run", lambda: "a deployment")
    monkeypatch.setattr(_approval, "waiting_runs", lambda _: iter(desk.others))
    monkeypatch.setattr(asking, "ask", desk.ask)
    monkeypatch.setattr(asking, "answered", desk.answered)
    return desk


def test_nobody_in_a_dry_run(desk: Desk) -> None:
    """A dry run neither decides nor asks."""
    assert desk.decide(desk.plan.digest, dry_run=True) is None
    assert desk.asked == []


def test_the_name_of_the_plan(desk: Desk) -> None:
    """A plan is carried out for whoever names it, and no other in its place."""
    approval = desk.decide(desk.plan.digest)
    assert (approval.plan, "somebody" in approval.by) == (desk.plan, True)
    with pytest.raises(OutOfStep):
        desk.decide("another plan")
    assert desk.asked == []


def test_a_person_says_yes(desk: Desk) -> None:
    """The form shows the plan and waits for hours; meanwhile the connection is free, afterwards it is taken."""
    desk.decision = Decision(decision=GRANT, approved_by="a\x1b[2J person", comment="change 7")
    approval = desk.decide()
    (asked,) = desk.asked
    shown = asked["form"].text
    assert all(
        part in shown for part in ("User.ReadWrite.All", "Delete the grant", desk.plan.digest)
    )
    assert asked["form"].key == f"hq-m365-consent-{desk.plan.digest}-run-1-1"
    assert asked["form"].hours == 24
    assert asked["holder"] is None
    holder = desk.location.ledger.ledger.holder
    assert holder is not None
    assert (approval.plan, "change 7" in approval.by) == (desk.plan, True)
    assert "\x1b" not in approval.by


def test_a_person_says_no(desk: Desk) -> None:
    """A no changes nothing, and is told with its reason."""
    desk.decision = Decision(decision="Do not", approved_by="a person", comment="not in this week")
    assert desk.decide() is None
    assert desk.scene.codes == ["consent.plan-refused"]
    assert "not in this week" in desk.scene.here.findings[0].detail


def test_a_yes_counts_in_vault(desk: Desk) -> None:
    """With approve_in: vault a yes counts when it lies in Vault; whose folder it is stands in the approval."""
    desk.approvals = SecretHandle("kv", "approvals")
    desk.decision = Decision(decision=GRANT, approved_by="a person")
    second = f"hq-m365-consent-{desk.plan.digest}-run-1-2"
    desk.scene.vault.said[second] = (VaultApproval("ines", "approve", START),)

    approval = desk.decide()

    assert [asked["form"].key for asked in desk.asked][1] == second
    assert "Your answer is not in Vault" in desk.asked[1]["form"].text
    assert f"approvals/YOUR-NAME/{second} answer=approve" in desk.asked[1]["form"].text
    assert approval.by.startswith("approved by 'ines', by the own folder in Vault")


@pytest.mark.parametrize("answers", [(), ("refuse",), ("approve", "refuse")])
def test_a_plan_that_is_named_is_approved_in_vault(desk: Desk, answers: tuple[str, ...]) -> None:
    """A plan's name alone approves nothing there, nor does a folder that says something else."""
    desk.approvals = SecretHandle("kv", "approvals")
    key = f"hq-m365-consent-{desk.plan.digest}"
    desk.scene.vault.said[key] = tuple(
        VaultApproval("ines", item, CLOCK.get().utc()) for item in answers
    )
    with pytest.raises(NeedsPerson) as due:
        desk.decide(desk.plan.digest)
    assert f"approvals/YOUR-NAME/{key} answer=approve" in due.value.what_to_do()

    desk.scene.vault.said[key] = (VaultApproval("ines", "approve", START),)
    with pytest.raises(NeedsPerson, match="approval"):
        desk.decide(desk.plan.digest)  # of last winter
    desk.scene.vault.said[key] = (VaultApproval("ines", "approve", CLOCK.get().utc()),)
    assert "'ines'" in desk.decide(desk.plan.digest).by


def test_one_form_at_a_time(desk: Desk) -> None:
    """Where another run waits for an answer already, this one ends and names it."""
    desk.others = ["the other run"]
    with pytest.raises(NotYet, match="the other run"):
        desk.decide()
    assert desk.asked == []


@pytest.mark.parametrize(
    ("remediator", "deployed", "said"),
    [(False, "a deployment", "by hand"), (True, None, "--approve")],
)
def test_where_nobody_can_be_asked(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    remediator: bool,
    deployed: str | None,
    said: str,
) -> None:
    """Without a remediator, or outside of a deployment, the plan is told with the next command."""
    desk.remediator = remediator
    monkeypatch.setattr(_approval, "deployment_of_this_run", lambda: deployed)
    assert desk.decide() is None
    (finding,) = desk.scene.here.findings
    assert finding.code == "consent.approval-due"
    assert said in finding.what_to_do()
    assert "User.ReadWrite.All" in finding.detail


def test_a_policy_asks_where_somebody_loses(desk: Desk) -> None:
    """With the policy auto a person is asked only where somebody may lose access by the plan."""
    desk.policy = ConsentPolicy.AUTO
    desk.decision = Decision(decision=GRANT, approved_by="a person")
    desk.plan = replace(desk.plan, losers_known=False)
    assert "a person" in desk.decide().by
    desk.plan = replace(desk.plan, losers_known=True)
    assert "policy" in desk.decide().by
    assert len(desk.asked) == 1


def test_foreign_text_in_the_form(desk: Desk) -> None:
    """Names from a tenant come to no life in the form."""
    app = replace(desk.plan.account, upn="x](http://evil.example)<img>@contoso.example")
    shown = plan_to_approve("hq-m365", replace(desk.plan, account=app))
    assert "<img>" not in shown
    assert "](http://" not in shown
