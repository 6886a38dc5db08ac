"""The budget of password probes."""

from __future__ import annotations

import pytest

from connectors.entra.budget import SPACING, ProbeBudget
from connectors.entra.models import ProbeVerdict
from connectors.errors import BudgetSpent
from tests.unit.entra.support import Clock

ACCOUNT = "svc@corp.example.test"


@pytest.fixture
def budget(clock: Clock) -> ProbeBudget:
    """Return a budget of three."""
    return ProbeBudget(3, lambda: clock.seconds)


def test_never_more_than_the_limit(budget: ProbeBudget, clock: Clock) -> None:
    """The fourth unproven attempt is refused, however much time has passed and however it is spelled."""
    for _ in range(3):
        budget.take(ACCOUNT)
        budget.settle(ACCOUNT, ProbeVerdict.INVALID)
        clock.pass_by(SPACING)
    with pytest.raises(BudgetSpent) as spent:
        budget.take(ACCOUNT.upper())
    assert spent.value.identifiers["limit"] == "3"


@pytest.mark.parametrize("verdict", [ProbeVerdict.INVALID, ProbeVerdict.UNKNOWN])
def test_a_minute_between_wrong_answers(
    budget: ProbeBudget, clock: Clock, verdict: ProbeVerdict
) -> None:
    """After a wrong or unknown answer the next attempt waits a full minute."""
    budget.take(ACCOUNT)
    budget.settle(ACCOUNT, verdict)
    clock.pass_by(SPACING - 0.5)
    with pytest.raises(BudgetSpent) as spent:
        budget.take(ACCOUNT)
    assert spent.value.identifiers["wait_seconds"] == "1"
    clock.pass_by(0.5)
    budget.take(ACCOUNT)


def test_proven_attempts_cost_nothing(budget: ProbeBudget) -> None:
    """A password that was proven does not use the budget up."""
    for _ in range(9):
        budget.take(ACCOUNT)
        budget.settle(ACCOUNT, ProbeVerdict.VALID)


def test_multi_factor_demand_costs(budget: ProbeBudget) -> None:
    """Very likely accepted is not proven, so it counts."""
    for _ in range(3):
        budget.take(ACCOUNT)
        budget.settle(ACCOUNT, ProbeVerdict.VALID_MFA_REQUIRED)
    with pytest.raises(BudgetSpent):
        budget.take(ACCOUNT)


def test_nothing_after_a_lockout(budget: ProbeBudget, clock: Clock) -> None:
    """A locked account is not tried again by this run."""
    budget.take(ACCOUNT)
    budget.settle(ACCOUNT, ProbeVerdict.LOCKED)
    clock.pass_by(3600)
    with pytest.raises(BudgetSpent):
        budget.take(ACCOUNT)


def test_accounts_do_not_share(budget: ProbeBudget) -> None:
    """Each account has a budget of its own."""
    budget.take(ACCOUNT)
    budget.settle(ACCOUNT, ProbeVerdict.LOCKED)
    budget.take("other@corp.example.test")


def test_attempt_counts_before_it_is_settled() -> None:
    """An attempt whose end nobody saw is counted."""
    budget = ProbeBudget(1, lambda: 0.0)
    budget.take(ACCOUNT)
    with pytest.raises(BudgetSpent):
        budget.take(ACCOUNT)
