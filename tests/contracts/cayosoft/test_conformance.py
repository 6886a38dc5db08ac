"""``bridge check``: the stand-in passes every check, and a bridge that breaks a sentence fails the check of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.cayosoft.conformance.checks import Group, Result, Verdict
from connectors.cayosoft.conformance.examining import all_checks, examine
from connectors.cayosoft.conformance.trial import Saving, Trial
from connectors.cayosoft.settings import BridgeSettings
from connectors.errors import InvalidInput, Unreachable
from connectors.tls import tls_context
from tests.contracts.cayosoft.lab import ACCOUNTS, AD, CLIENT, DOMAIN, ROWS, Lab

ROOT = Path(__file__).parents[3]
READING = frozenset({Group.READING})
WRITING = READING | {Group.DRAFTS}
SAVING = WRITING | {Group.SAVING}
LABEL = "kv/cayosoft/hq/ad#1@then"
Change = Callable[[httpx.Request, httpx.Response], httpx.Response]


class Changed(httpx.BaseTransport):
    """A bridge that is the stand-in but for what one change makes of it."""

    def __init__(self, lab: Lab, change: Change) -> None:
        context = tls_context(lab.authority.ca_file, "cayosoft")
        self._inner = httpx.HTTPTransport(verify=context, retries=0)
        self._change = change
        self.seen: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass on, and change the answer."""
        self.seen.append(request)
        response = self._inner.handle_request(request)
        response.read()
        return self._change(request, response)

    def close(self) -> None:
        """Close what is behind."""
        self._inner.close()


def as_it_is(_: httpx.Request, response: httpx.Response) -> httpx.Response:
    """Change nothing."""
    return response


def examined(
    lab: Lab, groups: frozenset[Group], change: Change = as_it_is, **choices: Any
) -> list[Result]:
    """Return what every check came to."""
    lab.vault.put(CLIENT, **lab.client)
    settings = BridgeSettings(url=lab.console.url, client=CLIENT, ca_file=lab.authority.ca_file)
    saving = Saving(AD, DOMAIN, ACCOUNTS[AD], LABEL) if Group.SAVING in groups else None
    transport = Changed(lab, change)
    trial = Trial(settings, lab.vault, saving=saving, transport=transport, **choices)
    try:
        return list(examine(trial, groups))
    finally:
        trial.close()


def rows(lab: Lab) -> list[dict[str, Any]]:
    """Return the console's rows, but for the app: looking for it is what reading a consent does."""
    return [{**row, "app_id": None} for row in lab.console.state()["rows"]]


def numbers(results: list[Result], verdict: Verdict) -> set[str]:
    """Return the numbers of the checks that came to a verdict."""
    return {result.check.number for result in results if result.verdict is verdict}


def rewritten(
    response: httpx.Response, code: int | None = None, /, **members: Any
) -> httpx.Response:
    """Return an answer with another status or other members; None takes a member away."""
    body = {**json.loads(response.content), **members}
    body = {name: value for name, value in body.items() if value is not ...}
    headers = {k: v for k, v in response.headers.items() if k != "content-length"}
    return httpx.Response(code or response.status_code, headers=headers, json=body)


def test_reading_changes_nothing(lab: Lab) -> None:
    """Without more permission the stand-in passes, and only GET, and requests that cannot be carried out, are sent."""
    before = rows(lab)
    results = examined(lab, READING)
    assert numbers(results, Verdict.FAILED) == set()
    assert numbers(results, Verdict.PASSED) == {
        c.number for c in all_checks() if c.group is Group.READING
    }
    assert rows(lab) == before
    assert {entry["route"] for entry in lab.console.journal()} <= {
        "token", "session", "extension.read", "row.read", "consent.read", "draft.create",
    }  # fmt: skip
    drafts = [e for e in lab.console.journal() if e["route"] == "draft.create"]
    assert [entry["outcome"] for entry in drafts] == ["401"]


def test_drafts_are_left_alone(lab: Lab) -> None:
    """With drafts the stand-in passes, no draft stays, and the row is as it was."""
    before = rows(lab)
    results = examined(lab, WRITING)
    assert numbers(results, Verdict.FAILED) == set()
    assert {r.check.number for r in results if r.verdict is Verdict.SKIPPED and r.asked} == set()
    assert rows(lab) == before
    assert lab.signs_in(AD)


def test_saving_leaves_a_console_that_signs_in(lab: Lab) -> None:
    """What is saved is the credential that was named, and the console signs in with it."""
    results = examined(lab, SAVING, row_wanted=(AD, DOMAIN))
    assert numbers(results, Verdict.FAILED) == set()
    assert numbers(results, Verdict.SKIPPED) == {"S08"}
    assert lab.signs_in(AD)
    assert lab.row(AD)["drafts_open"] == 0


def _problem(code: int, /, **members: Any) -> Change:
    """Answer with something else than the problem that belongs to a status."""

    def change(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        return rewritten(response, **members) if response.status_code == code else response

    return change


def _at(method: str, path: str, make: Callable[[httpx.Response], httpx.Response]) -> Change:
    """Change the successful answers of one operation."""

    def change(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        fits = request.method == method and re.fullmatch(path, request.url.path)
        return make(response) if fits and response.is_success else response

    return change


ROW, EXTENSION = "/bridge/v1/extensions/[^/]+/rows/[^/]+", "/bridge/v1/extensions/[^/]+"
DRAFTS, SAVE = f"{ROW}/drafts", "/bridge/v1/drafts/[^/]+/save"


def _no_401(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    if response.status_code == 401 and request.url.path.startswith("/bridge"):
        return rewritten(response, 403)
    return response


def _text(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """Say every no as a proxy would."""
    if response.status_code == 404:
        return httpx.Response(404, text="<html>not found</html>")
    return response


def _echo(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """Tell the token to whoever reads a row."""
    if request.method == "GET" and "/rows/" in request.url.path and response.is_success:
        return rewritten(response, comment=request.headers["Authorization"].split()[1])
    return response


class OffAfterDrafts:
    """Another row as soon as drafts were made."""

    drafts = 0

    def __call__(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        self.drafts += response.status_code == 201
        reads = request.method == "GET" and "/rows/" in request.url.path and response.is_success
        return rewritten(response, account="somebody@else") if reads and self.drafts else response


class Drifting:
    """Another revision at every reading."""

    count = 0

    def __call__(self, response: httpx.Response) -> httpx.Response:
        self.count += 1
        revision = f"r{self.count}"
        changed = rewritten(response, revision=revision)
        changed.headers["ETag"] = f'"{revision}"'
        return changed


def _always(status: int, route: str, method: str = "POST") -> Change:
    """Answer success where the contract wants a no."""

    def change(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == method and re.fullmatch(route, request.url.path):
            return httpx.Response(status, json={})
        return response

    return change


READS: list[tuple[str, Change]] = [
    ("B01", _no_401),
    ("B02", _problem(401, type="urn:console-bridge:not-found")),
    ("B03", _problem(401, status=200)),
    ("B05", _always(200, "/oauth2/token")),
    ("B06", _at("POST", "/oauth2/token", lambda r: rewritten(r, refresh_token="x"))),
    ("B06", _at("POST", "/oauth2/token", lambda r: rewritten(r, expires_in=...))),
    ("B07", _at("GET", "/bridge/v1/session", lambda r: rewritten(r, service=...))),
    ("B08", _at("GET", "/bridge/v1/session", lambda r: rewritten(r, productRole="Helpdesk"))),
    ("B09", _at("GET", EXTENSION, lambda r: rewritten(r, rows=...))),
    ("B10", _text),
    ("B11", _at("GET", ROW, lambda r: rewritten(r, password="x"))),
    ("B11", _at("GET", ROW, lambda r: httpx.Response(200, json=r.json()))),
    ("B11", _at("GET", ROW, lambda r: rewritten(r, savedAt="yesterday"))),
    ("B12", _at("GET", ROW, Drifting())),
    ("B13", _text),
    ("B14", _at("GET", f"{ROW}/consent", lambda r: rewritten(r, collecting=...))),
    ("B15", _always(200, "/bridge/v1/extensions/active_directory/rows/[^/]+/consent", "GET")),
    ("Z01", _echo),
]

WRITES: list[tuple[str, Change]] = [
    ("D01", _problem(422, field=...)),
    ("D02", _problem(422, field="account")),
    ("D03", _problem(412, type="urn:console-bridge:invalid-input")),
    ("D04", _at("POST", DRAFTS, lambda r: httpx.Response(201, json=r.json()))),
    ("D04", _at("POST", DRAFTS, lambda r: rewritten(r, account="somebody@else"))),
    ("D05", _at("POST", DRAFTS, lambda r: rewritten(r, expiresAt="2001-01-01T00:00:00+00:00"))),
    ("D06", OffAfterDrafts()),
    ("D07", lambda q, r: httpx.Response(404) if q.method == "DELETE" else r),
    ("D08", _always(404, SAVE)),
    ("D09", lambda _, r: rewritten(r, 409) if r.status_code == 404 else r),
    ("D10", _at("GET", ROW, Drifting())),
]

SAVES: list[tuple[str, Change]] = [
    ("S01", _problem(412, title=...)),
    ("S02", _at("POST", SAVE, lambda r: rewritten(r, savedKey=None))),
    ("S03", _at("POST", SAVE, Drifting())),
    ("S04", _problem(409, type=...)),
    ("S05", _problem(404, type="urn:console-bridge:not-signed-in")),
    ("S06", _problem(412, title=...)),
    ("S07", _at("POST", f"{ROW}/check-settings", lambda r: rewritten(r, ok="yes"))),
]


@pytest.mark.parametrize(("number", "change"), READS)
def test_a_reading_check_can_fail(lab: Lab, number: str, change: Change) -> None:
    """A bridge that breaks the sentence of a check fails it."""
    failed = [r for r in examined(lab, READING, change) if r.verdict is Verdict.FAILED]
    assert number in {result.check.number for result in failed}
    assert not [r.said for r in failed if lab.client["client_secret"] in r.said]


@pytest.mark.parametrize(("number", "change"), WRITES)
def test_a_draft_check_can_fail(lab: Lab, number: str, change: Change) -> None:
    """A bridge that breaks the sentence of a check fails it, and nothing is saved by that."""
    saves = lab.row(AD)["saves"]
    assert number in numbers(examined(lab, WRITING, change), Verdict.FAILED)
    assert lab.row(AD)["saves"] == saves


@pytest.mark.parametrize(("number", "change"), SAVES)
def test_a_saving_check_can_fail(lab: Lab, number: str, change: Change) -> None:
    """A bridge that breaks the sentence of a check fails it, and the console still signs in."""
    results = examined(lab, SAVING, change, row_wanted=(AD, DOMAIN))
    assert number in numbers(results, Verdict.FAILED)
    assert lab.signs_in(AD)


def test_plain_http_is_seen(lab: Lab) -> None:
    """A bridge that answers without TLS fails the check of that."""

    class Both(Changed):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.scheme == "http":
                assert "authorization" not in request.headers
                return httpx.Response(401, headers={"content-type": "application/problem+json"})
            return super().handle_request(request)

    settings = BridgeSettings(url=lab.console.url, client=CLIENT, ca_file=lab.authority.ca_file)
    lab.vault.put(CLIENT, **lab.client)
    trial = Trial(settings, lab.vault, transport=Both(lab, as_it_is))
    assert numbers(list(examine(trial, READING)), Verdict.FAILED) == {"B04"}
    trial.close()


def test_a_wrong_secret_is_no_crash(lab: Lab) -> None:
    """Where the client does not sign in, that check fails and what needs a token is skipped."""
    right, lab.client = lab.client, {**lab.client, "client_secret": "another"}
    try:
        results = examined(lab, WRITING)
    finally:
        lab.client = right
    assert numbers(results, Verdict.FAILED) == {"B06"}
    assert {"B07", "B11", "D04"} <= numbers(results, Verdict.SKIPPED)


def test_no_secret_of_the_client(lab: Lab) -> None:
    """A client without a secret is refused by the name of the field."""
    lab.vault.put(CLIENT, client_id="rotation")
    settings = BridgeSettings(url=lab.console.url, client=CLIENT, ca_file=lab.authority.ca_file)
    trial = Trial(settings, lab.vault)
    with pytest.raises(InvalidInput, match="client_secret"):
        list(examine(trial, READING))
    trial.close()


def test_asked_later(lab: Lab) -> None:
    """A bridge that is busy is not found guilty: what it did not answer is skipped, and told apart."""
    lab.console.arm("session", "status", status=503, times=0)
    results = examined(lab, READING)
    assert numbers(results, Verdict.FAILED) == set()
    assert {r.check.number for r in results if r.unanswered} == {"B01", "B02", "B07", "B08"}


def test_nobody_is_there(lab: Lab) -> None:
    """Where nobody answers there is nothing to tell of a contract."""
    settings = BridgeSettings(
        url="https://127.0.0.1:9", client=CLIENT, ca_file=lab.authority.ca_file
    )
    trial = Trial(settings, lab.vault)
    with pytest.raises(Unreachable, match="session"):
        list(examine(trial, READING))
    trial.close()


def test_sentences_are_the_contracts() -> None:
    """Every sentence that a check names stands in the contract, word for word."""
    pages = ("console-bridge.md", "console-bridge.openapi.yaml")
    text = " ".join((ROOT / "docs" / page).read_text() for page in pages)
    plain = re.sub(r"\s+", " ", re.sub(r"[`*]", "", text))
    for item in all_checks():
        for sentence in re.split(r"(?<=[.;]) (?=[A-Z])", item.sentence):
            assert sentence in plain, (item.number, sentence)


def test_every_check_is_tried() -> None:
    """Each check is seen to fail here, but for the one that needs minutes; numbers are given once."""
    tried = {number for number, _ in (*READS, *WRITES, *SAVES)} | {"B04"}
    listed = [item.number for item in all_checks()]
    assert len(set(listed)) == len(listed)
    assert set(listed) - tried == {"S08"}


def test_rows_are_those_of_the_lab(lab: Lab) -> None:
    """The row for drafts is the one that was named, else the first."""
    results = examined(lab, READING, row_wanted=(AD, "elsewhere"))
    assert numbers(results, Verdict.FAILED) == set()
    assert f"{len(ROWS)} read" in next(r.said for r in results if r.check.number == "B11")
