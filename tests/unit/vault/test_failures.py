"""Every failure of hvac and requests is mapped to what we know about the world."""

from __future__ import annotations

import inspect
import ssl
from types import ModuleType

import pytest
import requests
from hvac import exceptions as vendor
from requests import exceptions as transport
from urllib3 import HTTPSConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError
from urllib3.exceptions import SSLError as Urllib3SslError

from connectors.errors import (
    InvalidInput,
    NotFound,
    NotPermitted,
    RotationError,
    Unknown,
    Unreachable,
)
from connectors.http import Effect
from connectors.vault.adapter import Answered
from connectors.vault.call import Call
from connectors.vault.failures import FAILURES, KNOWN_BY, STATUS_OF, by_status, explain

READ = Call("read secret", "kv/data/apps/hq", about={"secret": "kv/apps/hq#latest"})
CHANGE = Call("write secret", "kv/data/apps/hq", Effect.CHANGE, ("create", "update"))
LOGIN = Call("sign in", "auth/approle/login", Effect.REPEATABLE, ("update",))


def exceptions_of(module: ModuleType) -> list[type[Exception]]:
    """List the exception classes that a module defines."""
    return [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind.__module__ == module.__name__
    ]


def answered(status: int, body: object = None, **headers: str) -> Answered:
    """Return the failure of an answer."""
    response = requests.Response()
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return Answered(response, body if isinstance(body, dict) else None)


@pytest.mark.parametrize("kind", exceptions_of(vendor))
def test_maps_every_hvac_exception(kind: type[Exception]) -> None:
    """No exception class of hvac is without a meaning of its own."""
    assert kind in STATUS_OF


@pytest.mark.parametrize("kind", exceptions_of(transport))
def test_maps_every_requests_exception(kind: type[Exception]) -> None:
    """No exception class of requests is without a meaning of its own."""
    assert kind in KNOWN_BY
    assert issubclass(kind, FAILURES)


def test_enumerates_something() -> None:
    """The enumeration above finds the classes that it is about."""
    assert {vendor.VaultDown, vendor.ParamValidationError} <= set(exceptions_of(vendor))
    assert {transport.ConnectTimeout, transport.RetryError} <= set(exceptions_of(transport))


@pytest.mark.parametrize("kind", [*exceptions_of(vendor), *exceptions_of(transport)])
def test_shows_no_text(kind: type[Exception]) -> None:
    """Whatever an exception says stays out of the error, its advice and its identifiers."""
    canary = "the-body-said-this"
    error = kind(canary, canary, 0) if kind is transport.JSONDecodeError else kind(canary)
    for call in (READ, CHANGE):
        problem = explain(error, call)
        assert canary not in f"{problem} {problem.what_to_do()} {problem.__dict__}"


@pytest.mark.parametrize(
    ("status", "read", "change"),
    [
        (301, Unreachable, Unreachable),
        (307, Unreachable, Unreachable),
        (400, InvalidInput, InvalidInput),
        (401, NotPermitted, NotPermitted),
        (403, NotPermitted, NotPermitted),
        (404, NotFound, NotFound),
        (405, InvalidInput, InvalidInput),
        (408, Unreachable, Unknown),
        (412, Unreachable, Unreachable),
        (413, InvalidInput, InvalidInput),
        (429, Unreachable, Unreachable),
        (472, Unreachable, Unreachable),
        (473, Unreachable, Unreachable),
        (474, Unreachable, Unreachable),
        (500, Unreachable, Unknown),
        (501, Unreachable, Unreachable),
        (502, Unreachable, Unknown),
        (503, Unreachable, Unknown),
        (504, Unreachable, Unknown),
        (530, Unreachable, Unreachable),
        (599, Unreachable, Unknown),
        (200, Unreachable, Unknown),
    ],
)
def test_maps_status(status: int, read: type[RotationError], change: type[RotationError]) -> None:
    """A status means for a change what it means for a read, unless the change may have happened."""
    assert read is type(explain(answered(status), READ))
    assert change is type(explain(answered(status), CHANGE))


def test_sealed_changes_nothing() -> None:
    """Vault's own word that it is sealed proves that a write did not happen; a bare 503 does not."""
    sealed = explain(answered(503, {"errors": ["Vault is sealed"]}), CHANGE)
    assert isinstance(sealed, Unreachable)
    assert "vault operator unseal" in sealed.what_to_do()


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("inf", None), ("later", None)])
def test_keeps_retry_after(header: str, seconds: float | None) -> None:
    """The wait that Vault asks for is kept, and nonsense is not."""
    problem = explain(answered(429, Retry_After=header), READ)
    assert isinstance(problem, Unreachable)
    assert problem.retry_after == seconds


def test_redirect_names_host_only() -> None:
    """A redirect is told with the host it points to, without anything else of the address."""
    location = "https://user:word@other.example.test:8200/v1/kv/data/x?y"
    problem = explain(answered(307, Location=location), READ)
    assert "other.example.test:8200" in problem.what_to_do()
    assert "word" not in problem.what_to_do()


def test_denial_names_policy_stanza() -> None:
    """A denial comes with the policy stanza to paste."""
    assert (
        'path "kv/data/apps/hq" { capabilities = ["create", "update"] }'
        in explain(answered(403), CHANGE).what_to_do()
    )


def connection_error(reason: Exception) -> transport.ConnectionError:
    """Wrap a reason as requests and urllib3 do."""
    pool = HTTPSConnectionPool("vault.example.test")
    return transport.ConnectionError(MaxRetryError(pool, "/v1", reason))


def untrusted() -> transport.SSLError:
    """Return the failure of a certificate that is not trusted."""
    reason = Urllib3SslError(ssl.SSLCertVerificationError("not trusted"))
    return transport.SSLError(MaxRetryError(HTTPSConnectionPool("h"), "/v1", reason))


def test_never_connected_changes_nothing() -> None:
    """A write that found no connection did not happen."""
    pool = HTTPSConnectionPool("vault.example.test")
    refused = connection_error(NewConnectionError(pool, "refused"))  # type: ignore[arg-type]
    for error in (refused, transport.ConnectTimeout(), untrusted()):
        assert isinstance(explain(error, CHANGE), Unreachable)


@pytest.mark.parametrize(
    "error",
    [
        transport.ReadTimeout(),
        transport.ConnectionError(ProtocolError("Connection aborted.")),
        transport.SSLError("EOF occurred in violation of protocol"),
        transport.ChunkedEncodingError(),
        transport.JSONDecodeError("x", "y", 0),
        OSError(),
        ValueError(),
    ],
)
def test_lost_answer_is_unknown(error: Exception) -> None:
    """A change whose answer was lost may have happened; a read or a sign-in is repeated."""
    assert isinstance(explain(error, CHANGE), Unknown)
    assert isinstance(explain(error, READ), Unreachable)
    assert isinstance(explain(error, LOGIN), Unreachable)


def test_ignores_older_error() -> None:
    """An older error that the caller is handling does not make a lost write look like an unsent one."""
    pool = HTTPSConnectionPool("vault.example.test")
    lost = transport.ReadTimeout()
    lost.__context__ = NewConnectionError(pool, "older")  # type: ignore[arg-type]
    assert isinstance(explain(lost, CHANGE), Unknown)


def test_untrusted_certificate_names_variable() -> None:
    """A certificate that is not trusted is told with the variable that names the CA."""
    assert "ROTATION_VAULT_CA_FILE" in explain(untrusted(), READ).what_to_do()


def test_names_the_secret() -> None:
    """An error names system, operation, status and secret."""
    assert str(by_status(404, READ)) == ("vault: read secret: status=404, secret=kv/apps/hq#latest")
