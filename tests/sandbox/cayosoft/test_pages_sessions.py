"""Who gets into the console's pages: sessions, cookies, tokens of forms, headers, words of other versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from sandbox.cayosoft.pages.labels import labels_of
from sandbox.cayosoft.pages.sessions import IDLE
from sandbox.standin.process import StandIn
from tests.contracts.cayosoft.lab import AD, M365, M365_ACCOUNT, Lab
from tests.sandbox.cayosoft.clicking import AD_PAGE, M365_PAGE, pages


def test_nobody_gets_in_without_signing_in(lab: Lab) -> None:
    """Every page and every button leads to the sign-in page, and from there to the page that was wanted."""
    with pages(lab) as stranger:
        assert stranger.http.post(f"{AD_PAGE}/save").url.path == "/console/sign-in"
        for path in ("/", "/console", "/console/extensions", "/console/nothing", AD_PAGE):
            assert stranger.get(path).url.path == "/console/sign-in"
        stranger.press("/console/sign-in", **lab.console_account)
        assert stranger.page.url.path == AD_PAGE
        assert stranger.get("/console/nothing").status_code == 404
        assert stranger.get(f"{AD_PAGE}/tenant-sign-in").status_code == 404
        assert stranger.get("/console/extensions/microsoft_365/none").status_code == 404


@pytest.mark.parametrize("wrong", ["account", "password"])
def test_a_wrong_sign_in(lab: Lab, wrong: str) -> None:
    """A wrong account and a wrong password are told alike."""
    with pages(lab) as stranger:
        stranger.sign_in(**{**lab.console_account, wrong: "wrong"})
        assert "The account or the password is wrong." in stranger.text()
        assert stranger.get(AD_PAGE).url.path == "/console/sign-in"


def test_the_cookie(lab: Lab) -> None:
    """The session is in a cookie that no script reads, that goes to this host only, and is new after the sign-in."""
    with pages(lab) as person:
        person.sign_in(**lab.console_account)
        given = [
            SimpleCookie(a.headers["set-cookie"]) for a in person.seen if "set-cookie" in a.headers
        ]
    values = set()
    for cookie in given:
        ((name, morsel),) = cookie.items()
        assert name == "__Host-console-hq"
        assert morsel["secure"]
        assert morsel["httponly"]
        assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("Strict", "/", "")
        values.add(morsel.value)
    assert len(values) == 2


def test_a_session_ends(lab: Lab) -> None:
    """A session ends with Sign out, and when nobody uses it; its cookie is worth nothing then."""
    with pages(lab) as person:
        person.sign_in(**lab.console_account)
        lab.console.advance(IDLE - 1)
        assert person.get(AD_PAGE).url.path == AD_PAGE
        lab.console.advance(IDLE + 1)
        try:
            assert person.get(AD_PAGE).url.path == "/console/sign-in"
        finally:
            lab.console.advance(-2 * IDLE)
        person.press("/console/sign-in", **lab.console_account)
        kept = dict(person.http.cookies)
        person.press("/console/sign-out")
        assert person.page.url.path == "/console/sign-in"
    with pages(lab, cookies=kept) as thief:
        assert thief.get(AD_PAGE).url.path == "/console/sign-in"


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é", "another"])
def test_a_form_needs_its_token(lab: Lab, token: str | None) -> None:
    """A form without the token that its page gave out, or with the one of another form, does nothing."""
    saves = lab.row(AD)["saves"]
    with pages(lab) as person:
        person.sign_in(**lab.console_account)
        person.get(AD_PAGE)
        tokens = re.findall(r'name="token" value="([0-9a-f]+)"', person.page.text)
        assert len(set(tokens)) == 2  # signing out, and the settings
        given = tokens[0] if token == "another" else token
        fields = {} if given is None else {"token": given}
        for path in (f"{AD_PAGE}/save", f"{AD_PAGE}/credentials/ok", f"{M365_PAGE}/permissions"):
            answer = person.http.post(path, data={"account": "x", "password": "y", **fields})
            assert answer.status_code == 403
            assert "out of date" in answer.text
        person.http.post("/console/sign-out", data={"token": "0" * 64})
        assert person.get(AD_PAGE).url.path == AD_PAGE
    assert lab.row(AD)["saves"] == saves
    with pages(lab) as stranger:
        stranger.get("/console/")
        stranger.http.post("/console/sign-in", data={**lab.console_account, **fields})
        assert stranger.get(AD_PAGE).url.path == "/console/sign-in"


def test_what_is_no_form(lab: Lab) -> None:
    """Bytes that are no text are refused, and the console goes on."""
    with pages(lab) as person:
        person.http.post("/console/sign-in", content=b"account=\xff")
        person.sign_in(**lab.console_account)
        assert person.http.post(f"{AD_PAGE}/save", content=b"\xff").status_code == 400
        assert person.get(AD_PAGE).status_code == 200


def test_headers(lab: Lab) -> None:
    """Every page forbids scripts, foreign content, frames and caches; nothing in it needs them."""
    with pages(lab) as person:
        person.sign_in(**lab.console_account)
        for path in ("/console/", AD_PAGE, M365_PAGE, f"{AD_PAGE}/credentials", "/console/nothing"):
            answer = person.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; style-src 'self';")
            assert "unsafe" not in policy
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert not re.search(r"<script| style=| on[a-z]+=|https?://", answer.text)
        assert person.get("/console/style.css").headers["content-type"].startswith("text/css")
        assert "url(" not in person.page.text


def test_what_is_typed_is_no_markup(lab: Lab) -> None:
    """A name with markup in it is shown as the text that it is."""
    with pages(lab) as person:
        person.sign_in(**lab.console_account)
        person.get(AD_PAGE)
        person.press(f"{AD_PAGE}/select", enabled="yes")
        name = '"><b>name</b>'
        person.press(f"{AD_PAGE}/credentials/ok", account=name, password="x")
        assert name in person.text()
        assert "<b>" not in person.page.text
        long = person.get(f"{AD_PAGE}/credentials") and person.press(
            f"{AD_PAGE}/credentials/ok", account="n" * 300, password="x"
        )
        assert "at most 256 characters" in long.text


def test_words_of_an_older_version(
    lab: Lab, new_password: Callable[[], str], tmp_path: Path
) -> None:
    """Version 10 calls things otherwise, and there OK in the Microsoft 365 dialog does not save."""
    config: dict[str, Any] = _config(lab, tmp_path, new_password)
    with StandIn.start("sandbox.cayosoft", config) as console:
        old = Lab(**{**vars(lab), "console": console})
        with pages(old) as person:
            person.sign_in(**lab.console_account)
            assert "Connected Systems Extensions" in person.page.text
            person.get(M365_PAGE)
            assert "Admin Consent" in person.text()
            assert "Register application in Azure" in person.text()
            person.press(f"{M365_PAGE}/select", enabled="yes")
            typed = {"account": M365_ACCOUNT, "password": lab.passwords[M365]}
            person.press(f"{M365_PAGE}/credentials/validate", **typed)
            person.press(f"{M365_PAGE}/credentials/ok", **typed)
            assert "Unsaved changes" in person.text()
            assert not old.signs_in(M365)
            person.press(f"{M365_PAGE}/save", enabled="yes")
            assert old.signs_in(M365)


def _config(lab: Lab, folder: Path, new_password: Callable[[], str]) -> dict[str, Any]:
    """Return the configuration of an old console before the same tenant."""
    certificate, key = lab.authority.issue("console-old")
    (setup,) = [
        a for a in lab.tenant.state()["apps"] if a["display_name"] == "Cayosoft Administrator"
    ]
    return {
        "port": 0,
        "tls": {"cert": str(certificate), "key": str(key)},
        "ca_file": str(lab.authority.ca_file),
        "database": str(folder / "old.sqlite"),
        "product_version": "10.2",
        "client": {"client_id": "rotation", "client_secret": new_password()},
        "console_accounts": [lab.console_account],
        "entra": {
            "authority": f"{lab.tenant.url}/{lab.tenant_id}",
            "graph": f"{lab.tenant.url}/v1.0",
            "domain": "example.test",
            "app_display_name": "Cayosoft Administrator API Access",
            "setup_client_id": setup["app_id"],
        },
        "rows": [
            {"extension": "microsoft_365", "row": "example.test", "account": M365_ACCOUNT,
             "password": new_password()},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("version", "old"), [("10.2", True), ("9", True), ("11.0", False), ("13.3", False), ("", False)]
)
def test_versions(version: str, old: bool) -> None:
    """What is not known to be old is current."""
    assert labels_of(version).ok_saves is not old
