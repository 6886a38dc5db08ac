"""A check of the contract as a value: its number, the sentence it holds a bridge to, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from connectors.cayosoft.conformance.trial import Trial


class Verdict(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Group(StrEnum):
    """What checks do to the console."""

    READING = "reading"
    DRAFTS = "drafts"
    SAVING = "saving"


class Broken(Exception):
    """The bridge does not keep the sentence; the text says what it did instead, without a secret."""


class Skipped(Exception):
    """The check could not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One numbered check. ``sentence`` is the contract's; ``source`` is where it stands there."""

    number: str
    title: str
    source: str
    sentence: str
    group: Group
    run: Callable[[Trial], str]


@dataclass(frozen=True, slots=True)
class Result:
    """What one check came to.

    ``unanswered``: the bridge asked to be asked later, so that nothing is known. ``asked`` False: its group was not
    asked for.
    """

    check: Check
    verdict: Verdict
    said: str
    unanswered: bool = False
    asked: bool = True


CHECKS: list[Check] = []
"""The checks of all modules that are imported."""


def check(
    number: str, title: str, source: str, sentence: str, group: Group = Group.READING
) -> Callable[[Callable[[Trial], str]], Callable[[Trial], str]]:
    """Make a function the check with this number; it returns what was seen, or raises Broken or Skipped."""

    def register(run: Callable[[Trial], str]) -> Callable[[Trial], str]:
        CHECKS.append(Check(number, title, source, sentence, group, run))
        return run

    return register
