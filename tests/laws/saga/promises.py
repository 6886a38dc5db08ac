"""What must be true whenever no process is running, and at the end of everything."""

from __future__ import annotations

from tests.laws.saga.runner import ABANDON, OVERWRITE, ROTATE, Ended, run
from tests.laws.saga.world import World


def kept(world: World, ended: Ended | None = None) -> None:
    """Demand every promise that holds at any quiet moment; ``ended`` is the run that was the last."""
    world.look_around()
    assert not world.watch.broken, "; ".join(world.watch.broken)
    _nobody_is_locked(world)
    _nothing_waits_for_nothing(world)
    if ended and ended.state in ("Ready", "Verified") and ended.was_last:
        _ready_means_ready(world, ended)
    if ended and ended.state and not ended.says("validation.test-user-left"):
        mine = [user for user in world.test_users() if ended.name[-8:] in user]
        assert not mine, f"the run ended, and its test users are left: {mine}"
    held = world.newest(world.console.row.account)
    if world.rotation is None and not world.out_of_our_hands(held):
        assert world.console.signs_in(), (
            "no rotation is under way, and the console does not sign in"
        )


def _ready_means_ready(world: World, ended: Ended) -> None:
    """A run that nobody overtook, and that says Ready, has left nothing behind, and the console signs in."""
    if not world.out_of_our_hands(world.newest(world.console.row.account)):
        assert world.console.signs_in(), "Ready, and the console does not sign in"
    if (
        ended.state == "Ready"
        and not ended.retired_only
        and not ended.says("validation.test-user-left")
    ):
        assert world.test_users() == [], "test users are left"


def _nobody_is_locked(world: World) -> None:
    if world.domain:
        assert [a.name for a in world.domain.accounts.values() if a.locked] == []
    if world.tenant:
        assert [name for name in world.tenant.accounts if world.tenant.locked(name)] == []


def _nothing_waits_for_nothing(world: World) -> None:
    """No password waits for a rotation that has ended, unless it was said that it could not be removed."""
    rotation = world.rotation
    going_on = {rotation.id} if rotation else set()
    # Staged by a call that was on its way, and killed before it could tidy up: a password that nobody has.
    late = {name for name, line in world.vault.late.items() if line.dead}
    waiting = set(world.vault.waiting(world.name)) - world.left - late
    assert waiting <= going_on, f"a copy waits for rotations that have ended: {waiting - going_on}"
    for name, values in world.vault.staged.items():
        most = 2 if name in world.vault.late else 1
        assert len(values) <= most, f"rotation {name} has staged {len(values)} passwords"


def in_step(world: World) -> None:
    """Demand that Vault, directory and console hold the same credential, and that nothing is unfinished."""
    assert world.rotation is None
    current, row = world.current.fields, world.console.row
    assert row.account == current["username"]
    assert world.console.password == current["password"]
    assert world.newest(row.account).value == current["password"]
    assert world.console.signs_in()
    assert world.test_users() == []


def converges(world: World) -> None:
    """Demand that without any obstacle at most two runs end Ready, with everything in step.

    Where a person changed a password, a version or what waits, a run may say no until that person does what it
    says: gives a rotation up whose password is gone, corrects a name, has the password set anew.
    """
    world.settles()
    meddled = world.touched or world.watch.set_late
    said: list[Ended] = []
    for order in [ROTATE, OVERWRITE, OVERWRITE, OVERWRITE] if meddled else [ROTATE, ROTATE]:
        if meddled:
            _a_person_helps(world, again=said != [])
        said.append(run(world, order))
        kept(world, said[-1])
        if said[-1].state == "Ready":
            break
    assert said[-1].state == "Ready", "; ".join(map(str, said))
    in_step(world)


def _a_person_helps(world: World, *, again: bool) -> None:
    rotation = world.rotation
    if again and world.destroyed and rotation is not None:
        known = world.newest(rotation.in_use).value
        if not rotation.in_place and world.current.fields["password"] != known:
            world.tells_vault(rotation.in_use)
        kept(world, run(world, ABANDON))
    may_be_set = world.rotation is not None and world.rotation.may_be_set
    if not may_be_set and world.current.fields["username"] != world.console.row.account:
        world.tells_vault(world.console.row.account)
