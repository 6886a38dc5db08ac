"""The one decorator: number, name, retry, log, record, seal.

A step is a plain function that returns ``Done`` or ``AlreadySo`` with a sentence of evidence. ``@step``
makes it a Prefect task that shows in the run list under its number, is retried on ``Unreachable`` only,
persists nothing, and lets no exception out that could carry a secret.
"""

from __future__ import annotations

import functools
import logging
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, cast

from prefect import get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.states import Completed
from prefect.tasks import Task

from connectors.errors import RotationError, Unknown, Unreachable
from report.procedure import BY_NUMBER
from report.record import Entry, Result, current_record
from report.text import printable
from tasks._wait import CLOCK
from tasks.settings import RetrySettings

P = ParamSpec("P")
T = TypeVar("T")
_HERE = Path(__file__).parents[1]

STEP_OF: dict[str, str] = {}
"""Number of each step function, by its full name; the law about the procedure reads it."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The step was carried out; ``evidence`` says what was seen, in identifiers and facts."""

    value: T
    evidence: str


@dataclass(frozen=True, slots=True)
class AlreadySo(Generic[T]):
    """What the step would bring about was found to be true already; nothing was changed."""

    value: T
    evidence: str


Answer = Done[T] | AlreadySo[T]


class _NotBefore(threading.local):
    """When the next try of a step may start, as the other system asked."""

    moment = 0.0


_not_before = _NotBefore()


def step(number: str, *, undo: bool = False) -> Callable[[Callable[P, Answer[T]]], Callable[P, T]]:
    """Make a function the step with this number of the procedure (or its undo).

    Raises KeyError at import when the procedure has no such number.
    """
    entry = BY_NUMBER[number]
    shown = f"{number}u" if undo else number
    title = f"undo: {entry.title}" if undo else entry.title

    def decorate(function: Callable[P, Answer[T]]) -> Callable[P, T]:
        STEP_OF[f"{function.__module__}.{function.__qualname__}"] = shown
        attempt = _recorded(function, shown, title)
        prefect_task: Task[P, Answer[T] | State[Any]] = Task(
            attempt,
            name=f"{shown} {title}",
            persist_result=False,
            cache_policy=NO_CACHE,
            log_prints=False,
            retry_condition_fn=_only_unreachable,
        )

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            here = current_record().current
            delays = RetrySettings().delays()
            named = prefect_task.with_options(
                task_run_name=f"{shown} {title}" + (f" · {here.name}" if here else ""),
                retries=len(delays),
                retry_delay_seconds=delays or 0,
            )
            _not_before.moment = 0.0
            outcome: Any = named(*args, **kwargs)
            if isinstance(outcome, State):  # AlreadySo; Prefect keeps the value in a result record
                outcome = getattr(outcome.data, "result", outcome.data)
            return cast("Answer[T]", outcome).value

        return call

    return decorate


def _recorded(
    function: Callable[P, Answer[T]], shown: str, title: str
) -> Callable[P, Answer[T] | State[Any]]:
    """Wrap one attempt: wait if asked to, run, record, log, seal."""

    @functools.wraps(function)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> Answer[T] | State[Any]:
        logger, time = get_run_logger(), CLOCK.get()
        _wait_as_asked(logger)
        started, clock = datetime.now(UTC), time.now()

        def keep(result: Result, evidence: str) -> None:
            record = current_record()
            name = record.current.name if record.current else None
            seconds, evidence = time.now() - clock, printable(evidence)
            record.add(Entry(shown, title, name, result, started, seconds, evidence))
            logger.info("%s %s: %s (%s)", shown, title, result.value, evidence)

        interrupt: BaseException | None = None
        try:
            answer = function(*args, **kwargs)
        except RotationError as error:
            problem = error.sealed()
        except Exception as error:  # noqa: BLE001  whatever it is, its text must not get out
            problem = unexpected(f"step {shown}", error)
        except BaseException as error:  # noqa: BLE001  an interrupt goes on, without what it cut off
            interrupt = _bare(error)
        else:
            if isinstance(answer, AlreadySo):
                keep(Result.ALREADY_SO, answer.evidence)
                return Completed(name="Skipped (already so)", message=answer.evidence, data=answer)
            keep(Result.DONE, answer.evidence)
            return answer
        if interrupt is not None:
            raise interrupt
        keep(_after(problem), str(problem))
        raise problem

    return attempt


def _bare(interrupt: BaseException) -> BaseException:
    """Return an interrupt without the exceptions that it cut off, whose texts Prefect would log."""
    interrupt.__cause__ = interrupt.__context__ = None
    if isinstance(interrupt, KeyboardInterrupt | SystemExit):
        interrupt.args = ()
    return interrupt.with_traceback(None)


def _wait_as_asked(logger: logging.Logger | logging.LoggerAdapter[Any]) -> None:
    """Wait out what is left of the Retry-After of the try before."""
    time = CLOCK.get()
    left = _not_before.moment - time.now()
    if left > 0:
        logger.info("waiting %.1f s, as the other system asked", left)
        time.sleep(left)


def _after(problem: RotationError) -> Result:
    """Say how a try ended, and remember how long the other system asked to be left alone."""
    if not isinstance(problem, Unreachable):
        return Result.FAILED
    longest = RetrySettings().longest_wait
    _not_before.moment = CLOCK.get().now() + min(problem.retry_after or 0.0, longest)
    return Result.RETRYING if _tries_left() else Result.FAILED


def _tries_left() -> bool:
    """Say whether Prefect tries this step again after this try."""
    context = TaskRunContext.get()
    return context is not None and context.task_run.run_count <= context.task.retries


def _only_unreachable(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Say whether Prefect tries again: only where nothing was changed and nobody said no."""
    return isinstance(state.data, Unreachable)


def unexpected(where: str, error: BaseException) -> Unknown:
    """Turn a mistake of ours into a typed error that names type and place, and nothing it said.

    The text of a foreign exception may hold a secret, and Prefect stores exception texts.
    """
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(str(_HERE))
    ]
    place = f"{Path(frames[-1].filename).relative_to(_HERE)}:{frames[-1].lineno}" if frames else "?"
    return Unknown(
        "orchestrator",
        where,
        kind=type(error).__name__,
        at=place,
        advice="This is a defect of the orchestrator: report the kind and place shown here. "
        "Start the update again; it observes first what happened.",
    )
