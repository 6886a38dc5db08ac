"""One examination from beginning to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing

from cli.doctor.model import Area, Check, Plan
from cli.doctor.plan import chosen, first, then
from cli.doctor.runner import PATIENCE, run
from cli.doctor.show import Diagnosis
from cli.doctor.site import Choices, Site

Tell = Callable[[int, int, Sequence[Check]], None]
"""Told how many checks are over, how many there are, and which are under way."""


def examine(
    choices: Choices,
    areas: Collection[Area] = (),
    *,
    patience: float = PATIENCE,
    tell: Tell = lambda _over, _all, _busy: None,
) -> Diagnosis:
    """Look at the installation that the environment names; nothing of it is changed.

    Inventory and settings come first, then everything beside each other. Each check may take ``patience`` seconds.
    """
    began = time.monotonic()
    plan = Plan()
    with closing(Site(choices)) as site:
        configured = first(plan)
        run(plan.checks, site, patience=patience)
        begun = len(plan.checks)
        then(plan, site, configured, areas)
        wanted = chosen(plan.checks, areas)

        def told(waiting: Sequence[Check], busy: Sequence[Check]) -> None:
            tell(len(wanted) - len(waiting), len(wanted), busy)

        run(
            [item for item in wanted if item in plan.checks[begun:]],
            site,
            patience=patience,
            tell=told,
        )
    return Diagnosis(wanted, time.monotonic() - began)
