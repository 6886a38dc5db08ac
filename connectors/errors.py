"""Every error this product raises on purpose, and what each one says about the world.

    RotationError
    ├── Unchanged              nothing happened: repeating is safe
    │   ├── Unreachable        no answer, throttled or sealed: the only kind that is retried
    │   ├── NotYet             it is not time: a wait after failures, or a grace period, is not over
    │   └── Refused            an answer, and it was no: the same request will be refused again
    │       ├── SignInRefused      the account did not sign in (reason: wrong password, locked, ...)
    │       ├── NotPermitted       the identity lacks a right
    │       ├── NotFound           the thing named is not there
    │       ├── Conflict           somebody else changed it first (check-and-set, revision)
    │       ├── PolicyRefused      a password or content policy said no
    │       ├── InvalidInput       the request or the inventory is wrong
    │       └── BudgetSpent        one more sign-in could lock the account
    ├── Unknown                it may have happened: observe before anything else
    ├── OutOfStep              two systems disagree
    │   └── Superseded         another run holds the fence
    └── NeedsPerson            a human step is due

A message reads ``system: operation: key=value, ...``. It never holds a response body, a password or
the text of the error below it: Prefect stores exception texts, and pickles flow exceptions.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class SignInReason(StrEnum):
    """Why a directory did not sign an account in."""

    WRONG_PASSWORD = "wrong password"
    LOCKED = "account locked"
    DISABLED = "account disabled"
    PASSWORD_EXPIRED = "password expired"
    MUST_CHANGE_PASSWORD = "password must be changed first"
    ACCOUNT_EXPIRED = "account expired"
    NOT_ALLOWED_HERE = "sign-in not allowed at this time or from this machine"
    NOT_FOUND = "account not found"
    MFA_DEMANDED = "multi-factor authentication demanded"
    BLOCKED_BY_POLICY = "blocked by a policy"
    OTHER = "refused"


class RotationError(Exception):
    """Base of the tree; carries the system, the operation and identifiers, and advice for a person.

    Args are plain strings so that the error survives pickling, which Prefect does to it.
    """

    default_advice = "Read the run's report, correct the cause, then start the update again."

    def __init__(
        self, system: str, operation: str, *, advice: str | None = None, **identifiers: object
    ) -> None:
        self.system = system
        self.operation = operation
        self.advice = advice
        self.identifiers = {
            name: str(value) for name, value in identifiers.items() if value is not None
        }
        super().__init__(self._text())

    def _text(self) -> str:
        parts = [self.system, self.operation]
        if self.identifiers:
            parts.append(", ".join(f"{k}={v}" for k, v in self.identifiers.items()))
        return ": ".join(parts)

    def what_to_do(self) -> str:
        """Say, in one or two sentences with the exact next command, what a person does now."""
        return self.advice or self.default_advice

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the typed facts only; causes, contexts and tracebacks stay behind."""
        return _rebuild, (type(self), dict(self.__dict__), self._text())

    def sealed(self) -> Self:
        """Return a copy without cause, context or traceback, fit to leave a task or a flow."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.pop("__notes__", None)
        copy.args = (self._text(),)
        return copy


def _rebuild(kind: type[RotationError], state: dict[str, object], text: str) -> RotationError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (text,)
    return error


class Unchanged(RotationError):
    """Nothing was changed by this operation."""


class Unreachable(Unchanged):
    """The system did not answer, or asked to be asked later; the only kind that is retried.

    ``retry_after`` is the wait that the system asked for, in seconds, or None.
    """

    default_advice = (
        "Check that the system named above is up and reachable from the worker, "
        "then start the update again; nothing was changed."
    )

    def __init__(
        self,
        system: str,
        operation: str,
        *,
        advice: str | None = None,
        retry_after: float | None = None,
        **identifiers: object,
    ) -> None:
        super().__init__(system, operation, advice=advice, **identifiers)
        self.retry_after = retry_after


class NotYet(Unchanged):
    """It is not time for this; the identifiers say when."""


class Refused(Unchanged):
    """The system answered no; the same request will be refused again."""


class SignInRefused(Refused):
    """The directory did not sign the account in; ``reason`` says why. Never retried."""

    def __init__(
        self,
        system: str,
        operation: str,
        *,
        reason: SignInReason,
        advice: str | None = None,
        **identifiers: object,
    ) -> None:
        self.reason = reason
        super().__init__(system, operation, advice=advice, **identifiers)

    def _text(self) -> str:
        return f"{super()._text()}: {self.reason.value}"


class NotPermitted(Refused):
    """The identity that asked lacks a right; identifiers name it where it is known."""


class NotFound(Refused):
    """The thing named in the identifiers does not exist, or may not be seen by this identity."""


class Conflict(Refused):
    """Somebody else changed the thing first: check-and-set or revision did not match."""


class PolicyRefused(Refused):
    """A password or content policy said no."""


class InvalidInput(Refused):
    """The request or the configuration is wrong; the identifiers name the field."""


class BudgetSpent(Refused):
    """One more wrong sign-in could lock the account, so none was tried."""


class Unknown(RotationError):
    """The change may or may not have happened; observe before repeating anything."""

    default_advice = (
        "Start the update again: it observes first whether the change happened, "
        "and continues from what it finds."
    )


class OutOfStep(RotationError):
    """Two systems disagree about the same fact; the identifiers say which and how."""


class Superseded(OutOfStep):
    """Another run has taken over this connection; this one changes nothing more."""


class NeedsPerson(RotationError):
    """A human step is due before automation can go on."""
