"""The law: a sequence that once broke a promise of the saga does not do so again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from tests.laws.saga import promises
from tests.laws.saga.runner import (
    ABANDON,
    DRY_ROTATE,
    FINISH,
    OVERWRITE,
    ROTATE,
    UPDATE,
    Order,
)
from tests.laws.saga.shape import Shape
from tests.laws.saga.stories import Planned, deeds_of, done
from tests.laws.saga.world import World

AD1, AD2 = Shape.AD_IN_PLACE, Shape.AD_ALTERNATE
ENTRA1, ENTRA2 = Shape.ENTRA_IN_PLACE, Shape.ENTRA_ALTERNATE


@dataclass(frozen=True)
class Run:
    """A run, and what goes wrong in it: at the first call that ends like this after ``after`` others of it."""

    order: Order
    call: str = ""
    what: str = ""
    after: int = 0
    then: tuple[str, str] | None = None
    """One more fault: at the next call that ends like this."""
    ends: str | None = ""
    """The state it must end in; None for killed, empty for any."""
    holds: str = ""
    """The account that the console must hold after it."""


Story = tuple[str, tuple[Shape, ...], tuple[Run | str, ...]]

STORIES: tuple[Story, ...] = (
    (
        "killed between throwing the staged copy away and ending the rotation",
        tuple(Shape),
        (Run(ROTATE, "vault.discard", "killed after", ends=None), Run(FINISH, ends="Ready")),
    ),
    (
        "given up while a lost answer hides that the tenant has the password",
        (ENTRA1,),
        (
            Run(ROTATE, "tenant.set_password", "killed after", ends=None),
            Run(ABANDON, ends="Out of step"),
        ),
    ),
    (
        "given up while the only controller that has the password is away",
        (AD1,),
        (
            Run(ROTATE, "directory.set_password", "killed after", ends=None),
            "dc1 goes away",
            Run(ABANDON, ends="Unreachable"),
        ),
    ),
    (
        "the refusal of a too short password is lost, and the policy is then corrected in Vault",
        (AD1, AD2, ENTRA1, ENTRA2),
        (
            "the directory demands longer passwords",
            Run(ROTATE, ".set_password", "lost"),
            "an hour go by",
            Run(ROTATE, ends="Refused"),
            "Vault's policy is corrected",
            Run(ROTATE, ends="Ready"),
        ),
    ),
    (
        "the account in use was changed by hand, and the other one's turn is overwritten",
        (AD2,),
        ("a is changed by hand", "a day go by", Run(OVERWRITE, ends="Ready")),
    ),
    (
        "overtaken before it removes what earlier runs left in a domain",
        (AD1, AD2),
        (Run(UPDATE, "console.check_settings", f"run {ROTATE!r}", ends="Superseded"),),
    ),
    (
        "overtaken before it removes what earlier runs left in a tenant",
        (ENTRA1, ENTRA2),
        (Run(UPDATE, "console.consent", f"run {ROTATE!r}", after=1, ends="Superseded"),),
    ),
    (
        "overtaken before it accepts the permission request",
        (ENTRA1, ENTRA2),
        (
            "consent is withheld",
            "consent is allowed",
            Run(UPDATE, "console.find_or_register_app", f"run {FINISH!r}", ends="Superseded"),
        ),
    ),
    (
        "overtaken while it looks whether a lost save happened",
        tuple(Shape),
        (
            Run(
                UPDATE,
                "console.save",
                "lost before",
                then=("connection_row", f"run {FINISH!r}"),
                ends="Superseded",
            ),
        ),
    ),
    (
        "a password is set anew that was refused while it spread",
        (ENTRA1,),
        (
            "a change spreads very late",
            Run(ROTATE, ends="Out of step"),
            Run(OVERWRITE, ends="Ready"),
            "a change spreads at once",
        ),
    ),
    (
        "overtaken between validating a draft and saving it",
        (ENTRA1, ENTRA2),
        (Run(ROTATE, "console.validate", f"run {ROTATE!r}", ends="Superseded"),),
    ),
    (
        "given up by another run while it looks whether a lost change was made",
        (AD2, ENTRA2),
        (Run(ROTATE, ".set_password", "lost before", then=("", f"run {ABANDON!r}")),),
    ),
    (
        "a dry run meets an unfinished rotation, and another version in Vault",
        tuple(Shape),
        (
            Run(ROTATE, "vault.stage", "killed after", ends=None),
            "a is foreign in Vault",
            Run(DRY_ROTATE),
        ),
    ),
    (
        "another run ends a rotation between reading Vault and reading the ledger",
        tuple(Shape),
        (
            Run(ROTATE, "vault.metadata", f"run {ROTATE!r}"),
            Run(ROTATE, "ledgers.read", f"run {ROTATE!r}"),
        ),
    ),
    (
        "two runs are overtaken in the middle of a sign-in",
        (AD1, AD2),
        (
            Run(ROTATE, "directory.sign_in", f"run {FINISH!r}", ends="Superseded"),
            Run(ROTATE, "directory.sign_in", f"run {FINISH!r}", ends="Superseded"),
            Run(ROTATE, ends="Refused"),
            "an hour go by",
            Run(ROTATE, ends="Ready"),
        ),
    ),
    (
        "given up although test users are left",
        (ENTRA2,),
        (Run(ROTATE, "tenant.find_user", "away", after=1), Run(ABANDON, ends="Ready")),
    ),
    (
        "what waits is deleted after it was set",
        (AD1, ENTRA1),
        (
            Run(ROTATE, "console.save", "killed before", ends=None),
            "what waits is deleted",
            "an hour go by",
            Run(FINISH, ends="Needs a person"),
            Run(ABANDON, ends="Refused"),
            Run(OVERWRITE, ends="Ready"),
        ),
    ),
    (
        "given up before the console was given anything, while its account does not sign in",
        (AD2,),
        (
            "b may not create users",
            Run(ROTATE, ends="Refused"),
            "a is changed by hand",
            "a day go by",
            Run(ABANDON, ends="Refused"),
        ),
    ),
    (
        "a younger run ends the rotation while this one stages",
        tuple(Shape),
        (Run(ROTATE, "vault.stage", f"run {ROTATE!r}", ends="Superseded"),),
    ),
    (
        "cut off while it throws away what was never set",
        tuple(Shape),
        (
            Run(ROTATE, "vault.stage", "killed after", ends=None),
            Run(ABANDON, "vault.discard", "lost", ends="Unknown"),
            Run(ROTATE, ends="Ready"),
        ),
    ),
    (
        "a rotation begins before the tenant shows the one before it",
        (ENTRA1,),
        (
            Run(ROTATE, ends="Ready"),
            Run(ROTATE, ends="Ready"),
            Run(ROTATE, "tenant.account", f"run {ROTATE!r}", after=1),
            Run(ROTATE, "tenant.account", f"run {ROTATE!r}", after=1),
        ),
    ),
    (
        "the third rotation in an hour, of a tenant that always spreads late",
        (ENTRA1,),
        (*[Run(ROTATE, ends="Ready")] * 3, Run(ROTATE)),
    ),
    (
        "the policy refuses what the console was given by a save that nobody wrote down",
        (AD2, ENTRA2),
        (
            Run(ROTATE, "console.save", "killed after", ends=None, holds="b"),
            "the directory demands longer passwords",
            Run(OVERWRITE, ends="Refused", holds="b"),
        ),
    ),
    (
        "an account that waits to be retired is entered again",
        (AD2, ENTRA2),
        (
            Run(ROTATE, ends="Ready", holds="b"),
            "a is told to Vault",
            Run(UPDATE, ends="Ready", holds="a"),
            "a day go by",
            Run(FINISH, ends="Out of step"),
        ),
    ),
    (
        "a second rotation before the grace period is over",
        (AD2, ENTRA2),
        (Run(ROTATE, ends="Ready"), Run(ROTATE, ends="Waiting"), Run(OVERWRITE, ends="Waiting")),
    ),
    (
        "consent lacks when the other account was entered",
        (ENTRA2,),
        ("consent is withheld", Run(ROTATE, ends="Remediation required", holds="a")),
    ),
    (
        "consent lacks, and the account to go back to does not sign in any more",
        (ENTRA2,),
        (
            "a change spreads at once",
            "consent is withheld",
            Run(ROTATE, "find_or_register_app", "a is changed by hand", ends="Refused", holds="b"),
        ),
    ),
    (
        "operations fail, and the account to go back to does not sign in any more",
        (AD2,),
        (
            "a is changed by hand",
            "a day go by",
            Run(OVERWRITE, "check_settings", "b may not create users", ends="Refused", holds="b"),
        ),
    ),
    (
        "one wrong version after the other within an hour",
        (ENTRA1, ENTRA2),
        ("a is foreign in Vault", Run(UPDATE, ends="Refused")) * 5,
    ),
    (
        "the staged password expires before it is proven",
        tuple(Shape),
        (
            Run(ROTATE, ".set_password", "killed after", ends=None),
            "the changing one expires",
            Run(OVERWRITE, ends="Ready"),
        ),
    ),
    (
        "wrong sign-ins before a password was set anew go on counting",
        (ENTRA1,),
        (
            *[Run(ROTATE, ends="Ready")] * 2,
            Run(ROTATE, "ledgers.fence", f"run {OVERWRITE!r}", after=3),
            Run(ROTATE),
        ),
    ),
    (
        "the controller that was asked is gone for good",
        (AD1, AD2),
        (
            Run(ROTATE, "directory.set_password", "killed before", ends=None),
            "dc1 is gone for good",
            Run(ROTATE, ends="Ready"),
        ),
    ),
    (
        "a controller comes back five passwords behind",
        (AD1, AD2),
        (
            Run(ROTATE, "", "dc1 goes away"),
            *(Run(ROTATE),) * 4,
            Run(ROTATE, "", "controllers come back"),
            Run(OVERWRITE),
        ),
    ),
    (
        "a controller comes back five passwords behind, and nobody overwrites",
        (AD1,),
        (
            Run(ROTATE, "", "dc1 goes away"),
            *(Run(ROTATE, ends="Ready"),) * 4,
            Run(ROTATE, "", "controllers come back", ends="Out of step"),
        ),
    ),
    (
        "so many good sign-ins within the hour that the ledger forgot the wrong ones",
        (ENTRA1,),
        (
            "a change spreads late",
            Run(ROTATE, ends="Ready"),
            *(Run(UPDATE, ends="Ready"),) * 20,
            *(Run(ROTATE),) * 3,
        ),
    ),
)


def _planned(before: Callable[[], World], run: Run) -> list[Planned]:
    """Find the calls that are meant, by carrying the run out in worlds of the same history."""
    planned: list[Planned] = []
    faults = [(run.call, run.what, run.after)] if run.what else []
    if run.then:
        faults.append((*run.then, 0))
    for name, what, after in faults:
        calls = done(before(), run.order, *planned).calls
        last = planned[-1][0] if planned else 0
        met = [at for at, call in enumerate(calls, 1) if call.endswith(name) and at > last]
        assert len(met) > after, f"{run.order} never calls {name}"
        planned.append((met[after], what))
    return planned


def _told(shape: Shape, steps: tuple[Run | str, ...], lag: int) -> World:
    """Let a story happen as far as these steps."""
    world = World(shape)
    world.slow(lag, lag, 0)
    for number, step in enumerate(steps):
        if isinstance(step, str):
            deeds_of(shape)[step](world)
            promises.kept(world)
            continue
        planned = _planned(partial(_told, shape, steps[:number], lag), step)
        ended = done(world, step.order, *planned)
        promises.kept(world, ended)
        if step.ends != "":
            assert ended.state == step.ends, ended
        assert not step.holds or world.console.row.account.startswith(f"svc-{step.holds}@")
    return world


CASES = [(name, shape, steps) for name, shapes, steps in STORIES for shape in shapes]


@pytest.mark.parametrize("lag", [0, 70], ids=["quick", "slow"])
@pytest.mark.parametrize(
    ("name", "shape", "steps"),
    CASES,
    ids=[f"{name}-{shape.name.lower()}" for name, shape, _ in CASES],
)
def test_never_again(name: str, shape: Shape, steps: tuple[Run | str, ...], lag: int) -> None:
    """What broke a promise before keeps all of them, also where everybody learns of a change late."""
    promises.converges(_told(shape, steps, lag))
