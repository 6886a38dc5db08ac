"""Every exception of MSAL and httpx is explained."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import httpx
import msal
import pytest

from connectors.entra.errors import OUTCOMES, GarbledAnswer, translate
from connectors.errors import InvalidInput, RotationError, SignInReason, SignInRefused, Unreachable

# MSAL's modules for other ways of signing in, which want packages or machines that we do not have.
_ELSEWHERE = {"msal.broker", "msal.__main__", "msal.managed_identity", "msal.cloudshell"}


def _exceptions_of(module: object) -> set[type[Exception]]:
    return {
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__.split(".")[0] in ("msal", "httpx")
    }


def _vendor_exceptions() -> list[type[Exception]]:
    names = [m.name for m in pkgutil.walk_packages(msal.__path__, "msal.")]
    modules = [importlib.import_module(name) for name in names if name not in _ELSEWHERE]
    found = _exceptions_of(httpx).union(*(_exceptions_of(module) for module in modules))
    return sorted(found, key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", _vendor_exceptions(), ids=lambda kind: kind.__name__)
def test_vendor_exception_is_mapped(kind: type[Exception]) -> None:
    """Every exception class of MSAL and httpx has a row of its own or of its vendor's base."""
    rows = [row for row, _, _ in OUTCOMES if issubclass(kind, row)]
    assert rows, f"{kind.__name__} is not mapped in connectors/entra/errors.py"


def test_enumeration_finds_the_vendors() -> None:
    """The enumeration sees both libraries, so that the test above can fail."""
    names = {kind.__name__ for kind in _vendor_exceptions()}
    assert {"MsalServiceError", "IdTokenError", "ReadTimeout", "InvalidURL"} <= names


def test_vendor_text_stays_behind() -> None:
    """No text of the vendor's exception, which may quote a body, gets into ours."""
    error = translate(ValueError("canary in a body"), "sign in")
    assert isinstance(error, InvalidInput)
    assert "canary" not in f"{error} {error.identifiers} {error.what_to_do()}"
    assert error.__context__ is None
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (httpx.ReadTimeout("late"), Unreachable),
        (httpx.UnsupportedProtocol("http"), InvalidInput),
        (GarbledAnswer(), Unreachable),
        (KeyError("authorization_endpoint"), Unreachable),
    ],
)
def test_says_what_is_known(problem: Exception, kind: type[RotationError]) -> None:
    """Lost and garbled answers may be asked again; a wrong address may not."""
    assert type(translate(problem, "sign in")) is kind


def test_own_errors_pass_sealed() -> None:
    """An error of ours that came through MSAL keeps its kind and loses its traceback."""
    original = SignInRefused("entra", "sign in", reason=SignInReason.LOCKED)
    try:
        raise original
    except SignInRefused as caught:
        sealed = translate(caught, "another")
    assert isinstance(sealed, SignInRefused)
    assert sealed.reason is SignInReason.LOCKED
    assert sealed.__traceback__ is None
