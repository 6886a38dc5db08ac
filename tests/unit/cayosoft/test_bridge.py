"""What the driver asks, and how it reads the answers; the contract checks both on the way."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable

import httpx
import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.models import (
    AppRegistration,
    CheckResult,
    ConnectionRow,
    ConsoleConsent,
    ConsoleConsentRow,
    ConsoleSession,
    Draft,
    Operation,
    OperationResult,
    PermissionRequest,
)
from connectors.errors import Conflict, InvalidInput, NotFound, OutOfStep, Unknown
from connectors.models import Extension
from connectors.protocols import ConsoleDriver
from tests.contracts.cayosoft.vault import FakeVault
from tests.unit.cayosoft.conftest import (
    ACCOUNT,
    CLIENT,
    ScriptedBridge,
    fixture,
    problem,
    row_answer,
)

AD, M365 = Extension.ACTIVE_DIRECTORY, Extension.MICROSOFT_365
NOON = dt.datetime(2026, 11, 20, 9, 10, tzinfo=dt.UTC)
ROW = ConnectionRow(
    AD,
    "corp.example.test",
    enabled=True,
    account="svc-cayo@corp.example.test",
    revision="r7",
    secret_label="kv/cayosoft/hq/ad#3@2026-11-20T08:00:00.000+00:00",
    saved_at=dt.datetime(2026, 11, 20, 8, 1, tzinfo=dt.UTC),
    saved_key="run-1",
)
TENANT_ROW = ConnectionRow(
    M365, "example.test", False, "svc-cayo@example.test", "r1", None, None, None
)
DRAFT = Draft("d1", AD, "corp.example.test", "svc-cayo@corp.example.test", "r7", NOON)


def ok(name: str, status: int = 200) -> httpx.Response:
    """Return a fixture as an answer."""
    return httpx.Response(status, json=fixture(name))


def test_keeps_the_protocol(console: BridgeConsole) -> None:
    """A bridge is a console driver (mypy holds the types)."""
    driver: ConsoleDriver = console
    assert all(hasattr(driver, name) for name in dir(ConsoleDriver) if not name.startswith("_"))


def test_signs_in(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """Signing in says who, as which role, on which service."""
    bridge.answers = [ok("session")]
    session = console.sign_in()
    assert ConsoleSession("rotation", "Global Administrators", "13.3", "hq") == session
    assert session.may_configure


def test_opens_the_extension(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """An extension's page says whether it is enabled."""
    bridge.answers = [ok("extension")]
    assert console.extension_enabled(AD) is True


def test_reads_a_row(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """A row is read with its revision and the marks of the last save."""
    bridge.answers = [row_answer("row"), row_answer("row-fresh")]
    assert console.connection_row(AD, "corp.example.test") == ROW
    assert console.connection_row(M365, "example.test") == TENANT_ROW


def test_row_names_are_encoded(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """A row's name travels as one path segment, whatever is in it."""
    name = "forest/corp ä?x"
    body = {**fixture("row"), "row": name}
    bridge.answers = [httpx.Response(200, json=body, headers={"ETag": '"r7"'})]
    assert name == console.connection_row(AD, name).row
    assert b"/rows/forest%2Fcorp%20%C3%A4%3Fx" in bridge.requests[0].url.raw_path


def test_another_row_is_not_taken(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """An answer about another row than the one asked for is not believed."""
    bridge.answers = [row_answer("row-fresh")]
    with pytest.raises(InvalidInput):
        console.connection_row(AD, "corp.example.test")


def test_enters_the_credential(
    console: BridgeConsole, bridge: ScriptedBridge, vault: FakeVault
) -> None:
    """The password is read at the moment of entering, and is in that request's body only."""
    bridge.answers = [ok("createDraft", 201)]
    assert console.enter_credential(ROW, ACCOUNT, "label") == DRAFT
    password = vault.credential(ACCOUNT).password.reveal()
    (request,) = bridge.requests
    assert {
        "account": "svc-cayo@corp.example.test",
        "password": password,
        "secretLabel": "label",
    } == json.loads(request.content)
    assert request.headers["If-Match"] == '"r7"'
    assert password not in str(request.url) + str(request.headers.raw)


def test_reads_the_version_it_was_given(
    console: BridgeConsole, bridge: ScriptedBridge, vault: FakeVault
) -> None:
    """The named version is fetched, once, and the client's secret only to sign in."""
    bridge.answers = [ok("createDraft", 201)]
    console.enter_credential(ROW, ACCOUNT, "label")
    assert vault.reads == [ACCOUNT, CLIENT]


@pytest.mark.parametrize("field", ["username", "password"])
def test_enters_nothing_empty(
    console: BridgeConsole, bridge: ScriptedBridge, vault: FakeVault, field: str
) -> None:
    """An empty username or password in Vault is refused before anything is sent."""
    vault.put(ACCOUNT, **{"username": "svc-cayo", "password": "x", field: ""})
    with pytest.raises(InvalidInput):
        console.enter_credential(ROW, ACCOUNT, "label")
    assert not bridge.requests


@pytest.mark.parametrize(
    "difference",
    [{"account": "other@corp.example.test"}, {"baseRevision": "r8"}, {"row": "other"}],
    ids=lambda it: next(iter(it)),
)
def test_another_draft_is_not_taken(
    console: BridgeConsole, bridge: ScriptedBridge, difference: dict[str, str]
) -> None:
    """A draft of another account, row or revision than was given is not gone on with."""
    bridge.answers = [httpx.Response(201, json={**fixture("createDraft"), **difference})]
    with pytest.raises(OutOfStep):
        console.enter_credential(ROW, ACCOUNT, "label")


def test_discards(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """A draft is thrown away."""
    bridge.answers = [httpx.Response(204)]
    console.discard(DRAFT)
    assert (
        bridge.requests[0].method,
        bridge.requests[0].url.path,
    ) == ("DELETE", "/bridge/v1/drafts/d1")


def test_discarding_twice_is_success(
    make_console: Callable[..., BridgeConsole], bridge: ScriptedBridge
) -> None:
    """A bridge that says 404 or 410 about a draft to be discarded has nothing left to discard."""
    console = make_console(bridge, strict=False)
    for gone in ("not-found", "draft-expired"):
        bridge.answers = [problem(gone)]
        console.discard(DRAFT)
    assert len(bridge.requests) == 2


def test_saves(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """A save names its base revision and its key, and returns the row as it is now."""
    bridge.answers = [row_answer("save")]
    row = console.save(DRAFT, "key-1")
    assert (row.revision, row.saved_key, row.secret_label) == ("r8", "key-1", "label")
    headers = bridge.requests[0].headers
    assert (headers["If-Match"], headers["Idempotency-Key"]) == ('"r7"', "key-1")


def test_a_save_of_another_row_is_unknown(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """A save that answers with another row proves nothing: observe first."""
    bridge.answers = [row_answer("row-fresh")]
    with pytest.raises(Unknown):
        console.save(DRAFT, "key-1")


def test_check_settings(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """Check Settings returns what the screen shows."""
    bridge.answers = [ok("checkSettings")]
    shown = console.check_settings(AD, "corp.example.test")
    message = "svc-cayo@corp.example.test signed in to corp.example.test."
    assert CheckResult(ok=True, messages=(message,)) == shown


def test_validate(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """A credential that does not work is a result, not an error."""
    bridge.answers = [ok("validate")]
    shown = console.validate(DRAFT)
    assert not shown.ok
    assert "AADSTS50126" in shown.messages[0]


def test_finds_the_app(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """Find or register says which app, and whether it is new."""
    bridge.answers = [ok("findOrRegisterApp")]
    app = console.find_or_register_app(TENANT_ROW, "key-2")
    name = "Cayosoft Administrator API Access"
    assert AppRegistration("9d8a6a3e-27f6-4a0a-8f55-1d9c6f3f0f11", name, False) == app
    assert bridge.requests[0].headers["Idempotency-Key"] == "key-2"


def test_opens_the_prompt(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """The permission prompt lists what is asked for."""
    bridge.answers = [ok("openPermissionRequest", 201)]
    prompt = console.permission_request(TENANT_ROW)
    asked = ("Microsoft Graph: User.ReadWrite.All (delegated)",)
    assert PermissionRequest("p1", asked, already_granted=False) == prompt


def test_accepts_for_the_account_only(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """Accepting says explicitly that the checkbox is not ticked."""
    bridge.answers = [httpx.Response(204)]
    request = PermissionRequest("p1", (), already_granted=False)
    console.accept_permissions(request, on_behalf_of_organization=False, idempotency_key="key-3")
    assert fixture("acceptPermissions-request") == json.loads(bridge.requests[0].content)


@pytest.mark.parametrize("ticked", [True, 1, None, "false"])
def test_never_consents_for_the_organization(
    console: BridgeConsole, bridge: ScriptedBridge, ticked: object
) -> None:
    """Anything but a plain False is refused by the driver itself, and nothing is sent."""
    request = PermissionRequest("p1", (), already_granted=False)
    with pytest.raises(InvalidInput) as caught:
        console.accept_permissions(
            request,
            on_behalf_of_organization=ticked,  # type: ignore[arg-type]
            idempotency_key="key-3",
        )
    assert "unticked" in caught.value.what_to_do()
    assert not bridge.requests
    assert not bridge.tokens


def test_reads_consent(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """The consent section keeps the console's own words."""
    bridge.answers = [ok("consent")]
    row = ConsoleConsentRow("Microsoft Graph", "User.ReadWrite.All (delegated)", "Granted")
    assert ConsoleConsent(
        "Partially granted", (row,), red_banner=True, collecting=False
    ) == console.consent(TENANT_ROW)


def test_runs_an_operation(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """A directory's refusal is a result with the directory's own code."""
    bridge.answers = [ok("runOperation")]
    wanted = fixture("runOperation-request")
    result = console.run_operation(
        AD, "corp.example.test", Operation.AD_CREATE_USER, wanted["arguments"], "key-4"
    )
    assert (
        OperationResult(
            Operation.AD_CREATE_USER, False, None, "insufficientAccessRights", "Refused"
        )
        == result
    )
    assert wanted == json.loads(bridge.requests[0].content)


@pytest.mark.parametrize("key", ["", "a b", "ä", "k" * 129, "a\r\nX: y"])
def test_keys_fit_a_header(console: BridgeConsole, bridge: ScriptedBridge, key: str) -> None:
    """A key that no header can carry is refused before anything is sent."""
    with pytest.raises(InvalidInput):
        console.save(DRAFT, key)
    assert not bridge.requests


def test_one_token_serves_many(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """The token is asked for once and used again."""
    bridge.answers = [ok("session"), ok("session"), ok("extension")]
    console.sign_in()
    console.sign_in()
    console.extension_enabled(AD)
    assert len(bridge.tokens) == 1
    assert {f"Bearer {bridge.tokens[0]}"} == {r.headers["Authorization"] for r in bridge.requests}


def test_a_used_up_token_is_renewed(console: BridgeConsole, bridge: ScriptedBridge) -> None:
    """A token about to end is not used."""
    short = {"access_token": "short", "token_type": "Bearer", "expires_in": 20}
    bridge.token_answers = [httpx.Response(200, json=short)]
    bridge.answers = [ok("session"), ok("session")]
    console.sign_in()
    console.sign_in()
    assert ["Bearer short", f"Bearer {bridge.tokens[0]}"] == [
        r.headers["Authorization"] for r in bridge.requests
    ]


def test_signs_in_again_once(
    console: BridgeConsole, bridge: ScriptedBridge, vault: FakeVault
) -> None:
    """After a 401 the driver signs in anew, with the secret as Vault has it now, and repeats even a save."""
    bridge.answers = [ok("session"), problem("not-signed-in"), row_answer("save")]
    console.sign_in()
    vault.put(CLIENT, client_id="rotation", client_secret="renewed")
    assert console.save(DRAFT, "key-1").revision == "r8"
    first, second = bridge.token_requests
    assert first.headers["Authorization"] != second.headers["Authorization"]


def test_client_secrets_are_encoded(
    console: BridgeConsole, bridge: ScriptedBridge, vault: FakeVault
) -> None:
    """Id and secret are form-encoded before they go into the Basic header (RFC 6749, section 2.3.1)."""
    vault.put(CLIENT, client_id="a:b", client_secret="c d%é")
    bridge.answers = [ok("session")]
    console.sign_in()
    kind, _, pair = bridge.token_requests[0].headers["Authorization"].partition(" ")
    assert (kind, base64.b64decode(pair).decode()) == ("Basic", "a%3Ab:c+d%25%C3%A9")


def test_another_token_endpoint(
    make_console: Callable[..., BridgeConsole], bridge: ScriptedBridge
) -> None:
    """A site's own identity provider may give out the token."""
    address = "https://login.example.test/oauth2/token"
    console = make_console(bridge, strict=False, token_url=address)
    bridge.answers = [ok("session")]
    console.sign_in()
    assert address == str(bridge.token_requests[0].url)
    assert bridge.requests[0].url.host == "console.example.test"


def test_a_path_in_the_address_is_kept(
    make_console: Callable[..., BridgeConsole], bridge: ScriptedBridge
) -> None:
    """A bridge may live under a path."""
    console = make_console(bridge, strict=False, url="https://gate.example.test/hq/")
    bridge.answers = [ok("session")]
    console.sign_in()
    assert bridge.requests[0].url.path == "/hq/bridge/v1/session"
    assert bridge.token_requests[0].url.path == "/hq/oauth2/token"


def test_conflict_tells_that_nothing_was_saved(
    console: BridgeConsole, bridge: ScriptedBridge
) -> None:
    """An expired draft is a conflict whose advice says what the console holds."""
    bridge.answers = [problem("draft-expired")]
    with pytest.raises(Conflict) as caught:
        console.save(DRAFT, "key-1")
    assert "still holds the old credential" in caught.value.what_to_do()


def test_missing_client_secret(
    console: BridgeConsole, vault: FakeVault, bridge: ScriptedBridge
) -> None:
    """A client document without its fields is named before anything is sent; one not there is NotFound."""
    vault.put(CLIENT, client_id="rotation")
    with pytest.raises(InvalidInput) as caught:
        console.sign_in()
    assert caught.value.identifiers["field"] == "client_secret"
    vault._documents.clear()
    with pytest.raises(NotFound):
        console.sign_in()
    assert not hasattr(bridge, "token_requests")
