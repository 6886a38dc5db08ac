"""Everything that can go wrong on the way to a bridge, and what we then know about the world."""

from __future__ import annotations

import inspect
import logging
import pickle
import traceback
from collections.abc import Callable

import httpx
import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.models import Operation, PermissionRequest
from connectors.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    Refused,
    RotationError,
    SignInRefused,
    Unchanged,
    Unknown,
    Unreachable,
)
from connectors.models import Extension
from tests.contracts.cayosoft.vault import FakeVault
from tests.unit.cayosoft.conftest import ACCOUNT, CLIENT, ScriptedBridge, problem
from tests.unit.cayosoft.test_bridge import DRAFT, ROW, TENANT_ROW

PROMPT = PermissionRequest("p1", (), already_granted=False)
Act = Callable[[BridgeConsole], object]

CHANGES: dict[str, Act] = {
    "save": lambda c: c.save(DRAFT, "k"),
    "find app": lambda c: c.find_or_register_app(TENANT_ROW, "k"),
    "accept": lambda c: c.accept_permissions(
        PROMPT, on_behalf_of_organization=False, idempotency_key="k"
    ),
    "operation": lambda c: c.run_operation(
        Extension.ACTIVE_DIRECTORY, "corp", Operation.AD_DELETE_USER, {"dn": "CN=x"}, "k"
    ),
}
REPEATABLE: dict[str, Act] = {
    "session": lambda c: c.sign_in(),
    "extension": lambda c: c.extension_enabled(Extension.MICROSOFT_365),
    "row": lambda c: c.connection_row(Extension.ACTIVE_DIRECTORY, "corp"),
    "enter": lambda c: c.enter_credential(ROW, ACCOUNT, "label"),
    "discard": lambda c: c.discard(DRAFT),
    "check": lambda c: c.check_settings(Extension.ACTIVE_DIRECTORY, "corp"),
    "validate": lambda c: c.validate(DRAFT),
    "prompt": lambda c: c.permission_request(TENANT_ROW),
    "consent": lambda c: c.consent(TENANT_ROW),
}
ALL = CHANGES | REPEATABLE

# No bytes of the request were sent, or none that could have been understood: nothing happened.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def httpx_errors() -> list[type[httpx.HTTPError]]:
    """Return every exception that sending a request can raise, as httpx itself lists them."""
    return [
        kind
        for _, kind in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(kind, httpx.HTTPError)
    ]


@pytest.mark.parametrize("kind", httpx_errors(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", ALL)
def test_every_httpx_error_is_mapped(
    console: BridgeConsole, bridge: ScriptedBridge, name: str, kind: type[httpx.HTTPError]
) -> None:
    """A lost answer to a change is Unknown, everything else may be repeated; no error of httpx gets out."""
    bridge.answers = [kind.__new__(kind)]
    with pytest.raises(RotationError) as caught:
        ALL[name](console)
    wanted = Unknown if name in CHANGES and kind not in _NOT_SENT else Unreachable
    assert wanted is type(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors(
    console: BridgeConsole, bridge: ScriptedBridge, name: str, status: int
) -> None:
    """A 5xx tells nothing about a change; after anything else it is safe to repeat, at the time asked for."""
    bridge.answers = [httpx.Response(status, headers={"Retry-After": "7"})]
    with pytest.raises(RotationError) as caught:
        ALL[name](console)
    assert (Unknown if name in CHANGES else Unreachable) is type(caught.value)
    if isinstance(caught.value, Unreachable):
        assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<html>Sign in</html>"),
        httpx.Response(200, json={"ok": "yes"}),
        httpx.Response(200, json=[]),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(302, headers={"Location": "https://elsewhere.example.test/"}),
    ],
    ids=["html", "other json", "list", "no text", "redirect"],
)
def test_unreadable_answers(
    make_console: Callable[..., BridgeConsole],
    bridge: ScriptedBridge,
    name: str,
    answer: httpx.Response,
) -> None:
    """What is not the contract's answer proves nothing; a redirect is not followed."""
    bridge.answers = [answer]
    with pytest.raises(RotationError) as caught:
        ALL[name](make_console(bridge, strict=False))
    assert (Unknown if name in CHANGES else InvalidInput) is type(caught.value)
    assert len(bridge.requests) == 1


@pytest.mark.parametrize(
    ("name", "kind", "identifiers"),
    [
        ("not-permitted", NotPermitted, {"needed_role": "Global Administrators"}),
        ("not-found", NotFound, {}),
        ("idempotency-key-reused", InvalidInput, {}),
        ("draft-expired", Conflict, {"problem": "draft-expired"}),
        ("revision-changed", Conflict, {"problem": "revision-changed"}),
        ("invalid-input", InvalidInput, {"field": "arguments.container"}),
        ("directory-refused", Refused, {"error_code": "AADSTS50126"}),
    ],
)
@pytest.mark.parametrize("act", CHANGES)
def test_problems(
    make_console: Callable[..., BridgeConsole],
    bridge: ScriptedBridge,
    act: str,
    name: str,
    kind: type[RotationError],
    identifiers: dict[str, str],
) -> None:
    """A 4xx means that nothing was changed, also after a change was asked for."""
    bridge.answers = [problem(name)]
    with pytest.raises(Unchanged) as caught:
        CHANGES[act](make_console(bridge, strict=False))
    assert kind is type(caught.value)
    assert identifiers.items() <= caught.value.identifiers.items()


def test_a_problem_without_form_is_still_understood(
    make_console: Callable[..., BridgeConsole], bridge: ScriptedBridge
) -> None:
    """The status decides; a body that is none of ours is left alone."""
    bridge.answers = [httpx.Response(412, html="<p>no</p>"), httpx.Response(403)]
    console = make_console(bridge, strict=False)
    with pytest.raises(Conflict):
        console.save(DRAFT, "k")
    with pytest.raises(NotPermitted):
        console.connection_row(Extension.ACTIVE_DIRECTORY, "corp")


@pytest.mark.parametrize("status", [400, 405, 415, 451])
def test_other_refusals(
    make_console: Callable[..., BridgeConsole], bridge: ScriptedBridge, status: int
) -> None:
    """A 4xx that the contract does not know proves nothing about a change."""
    console = make_console(bridge, strict=False)
    bridge.answers = [httpx.Response(status), httpx.Response(status)]
    with pytest.raises(Unknown):
        console.save(DRAFT, "k")
    with pytest.raises(InvalidInput):
        console.sign_in()


def test_request_timeout_status(
    make_console: Callable[..., BridgeConsole], bridge: ScriptedBridge
) -> None:
    """A proxy's 408 is a lost answer."""
    console = make_console(bridge, strict=False)
    bridge.answers = [httpx.Response(408), httpx.Response(408)]
    with pytest.raises(Unknown):
        console.save(DRAFT, "k")
    with pytest.raises(Unreachable):
        console.sign_in()


@pytest.mark.parametrize("name", ALL)
def test_throttled(
    make_console: Callable[..., BridgeConsole], bridge: ScriptedBridge, name: str
) -> None:
    """A 429 changed nothing and is retried when it says so."""
    bridge.answers = [httpx.Response(429, headers={"Retry-After": "3"})]
    with pytest.raises(Unreachable) as caught:
        ALL[name](make_console(bridge, strict=False))
    assert caught.value.retry_after == 3.0


def test_a_token_refused_twice(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """A bridge that refuses its own fresh token is not asked a third time."""
    bridge.answers = [problem("not-signed-in"), problem("not-signed-in")]
    with pytest.raises(SignInRefused) as caught:
        console.save(DRAFT, "k")
    assert (len(bridge.requests), len(bridge.tokens)) == (2, 2)
    assert "token_url" in caught.value.what_to_do()


@pytest.mark.parametrize("status", [400, 401])
def test_an_unknown_client(console: BridgeConsole, bridge: ScriptedBridge, status: int) -> None:
    """A client that may not sign in is told so once, naming where its secret lies, and nothing is asked."""
    bridge.token_answers = [httpx.Response(status, json={"error": "invalid_client"})]
    with pytest.raises(SignInRefused) as caught:
        console.save(DRAFT, "k")
    assert caught.value.identifiers["error"] == "invalid_client"
    assert str(CLIENT) in caught.value.what_to_do()
    assert not bridge.requests


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.ReadTimeout(""), Unreachable),
        (httpx.Response(503, headers={"Retry-After": "5"}), Unreachable),
        (httpx.Response(200, html="<html>"), InvalidInput),
        (httpx.Response(200, json={"access_token": "x\r\ny", "token_type": "Bearer", "expires_in": 9}), InvalidInput),
        (httpx.Response(200, json={"access_token": "x", "token_type": "mac", "expires_in": 9}), InvalidInput),
        (httpx.Response(302, headers={"Location": "https://x.example.test"}), InvalidInput),
        (httpx.Response(403), NotPermitted),
        (httpx.Response(401, json={"error": {"nested": "x"}}), SignInRefused),
    ],
)  # fmt: skip
def test_signing_in_changes_nothing(
    make_console: Callable[..., BridgeConsole],
    bridge: ScriptedBridge,
    answer: httpx.Response | Exception,
    kind: type[RotationError],
) -> None:
    """Whatever goes wrong while signing in, a save that follows has not happened."""
    bridge.token_answers = [answer]
    with pytest.raises(Unchanged) as caught:
        make_console(bridge, strict=False).save(DRAFT, "k")
    assert kind is type(caught.value)
    assert not bridge.requests


def test_no_secret_gets_out(
    make_console: Callable[..., BridgeConsole],
    bridge: ScriptedBridge,
    vault: FakeVault,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bridge that echoes secrets into its problems, on every route, finds them in no error and no log."""
    caplog.set_level(logging.DEBUG)
    console = make_console(bridge, strict=False)
    password = vault.credential(ACCOUNT).password.reveal()
    secret = vault.document(CLIENT)["client_secret"].reveal()
    canaries = (password, secret)
    for status in (400, 401, 403, 404, 409, 410, 412, 422, 424, 429, 500, 302):
        body = {
            "type": f"urn:{password}",
            "title": password,
            "detail": secret,
            "field": password,
            "errorCode": secret,
            "instance": password,
        }
        for name, act in ALL.items():
            bridge.answers = [httpx.Response(status, json=body) for _ in range(2)]
            try:
                act(console)
            except RotationError as error:
                told = [
                    str(error), repr(error), error.what_to_do(), str(error.__dict__),
                    "".join(traceback.format_exception(error)),
                    pickle.dumps(error.sealed()).decode("latin-1"),
                ]  # fmt: skip
                assert not [c for c in canaries if any(c in text for text in told)], (name, status)
            else:
                assert name == "discard"
    assert "cayosoft: save: POST /bridge/v1/drafts/d1/save" in caplog.text
    assert not [c for c in (*canaries, *bridge.tokens) if c in caplog.text]
    assert password not in repr(console.__dict__)
