"""The clocks: one check over all of them, since one wrong clock is one fault."""

from __future__ import annotations

from cli.doctor.model import NotLooked, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.words import many

MOST = 60.0
"""Seconds that two clocks may differ."""
_TELL = frozenset({"vault.state", "directory.domain", "tenant.known", "prefect.login"})


@check(
    "clocks.agree",
    f"no clock differs from this machine's by more than {MOST:.0f} s",
    fault="The clocks cannot be compared.",
    fix="Look at the time service: timedatectl, chronyc tracking (Windows: w32tm /query /status)",
)
def agree(site: Site) -> str:
    """Compare what the other checks have seen; where all differ alike, this machine's own clock is wrong."""
    seen = dict(site.offsets)
    if not seen:
        raise NotLooked("no system told its time")
    wrong = {name: offset for name, offset in seen.items() if abs(offset) > MOST}
    if not wrong:
        return f"{many(len(seen), 'clock')}, at most {max(map(abs, seen.values())):.0f} s apart"
    if (
        len(seen) > 1
        and len(wrong) == len(seen)
        and max(wrong.values()) - min(wrong.values()) < MOST
    ):
        raise Wrong(
            f"This machine's clock is {_apart(-max(wrong.values(), key=abs))} all others.",
            "Start its time service: timedatectl set-ntp true; then see: chronyc tracking",
        )
    told = "; ".join(
        f"{name} is {_apart(offset)} this machine" for name, offset in sorted(wrong.items())
    )
    raise Wrong(
        f"Clocks differ: {told}.",
        "Look at the time service there and here: chronyc tracking (Windows: w32tm /query /status)",
    )


def _apart(seconds: float) -> str:
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'}"


def add(plan: Plan) -> None:
    """Add it after everything that tells a time."""
    plan.add(agree.on("", after=[item for item in plan.checks if item.kind.id in _TELL])())
