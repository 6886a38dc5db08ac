"""What Prefect's API may answer, and what that means: without a server."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path
from typing import Any

import httpx
import prefect as vendor
import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from cli.doctor import prefect
from cli.doctor.model import Kind, Wrong
from cli.doctor.prefect_api import Address, PrefectApi
from cli.doctor.site import Choices, Site
from connectors.errors import NotPermitted, Refused, Unreachable
from connectors.secret import Secret

Answers = dict[str, Any]
URL = "http://127.0.0.1:4200/api"


def _site(answers: Answers, login: str | None = None) -> Site:
    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/")
        given = answers.get(path, 404)
        if isinstance(given, int):
            return httpx.Response(given, json={"detail": "a text that nobody sees"})
        if isinstance(given, str) and given.startswith("<"):
            return httpx.Response(200, text=given)
        return httpx.Response(200, json=given, headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})

    address = Address(URL, Secret(login) if login else None, None, None, verified=True)
    site = Site(Choices(), prefect_address=address)
    api = PrefectApi(address, transport=httpx.MockTransport(answer))
    site.once("prefect", "", lambda: api)
    return site


def _wrong(kind: Kind[...], site: Site, *arguments: Any) -> Wrong:
    with pytest.raises(Wrong) as told:
        kind.look(site, *arguments)
    return told.value


def test_login() -> None:
    """A login that is not taken is told from an address where something else answers."""
    assert "PREFECT_API_AUTH_STRING" in _wrong(prefect.login, _site({"admin/version": 401})).fix
    assert "ends in /api" in _wrong(prefect.login, _site({})).fix
    site = _site({"admin/version": "3.8.8"})
    assert prefect.login.look(site) == "version 3.8.8"
    assert site.offsets["Prefect"] < 0


def test_an_answer_of_a_proxy() -> None:
    """A page is no answer of Prefect's, and none of its text is told."""
    with pytest.raises(Unreachable, match="not Prefect's"):
        prefect.login.look(_site({"admin/version": "<html>Bad gateway</html>"}))
    with pytest.raises(Refused) as told:
        prefect.login.look(_site({"admin/version": 422}))
    assert "nobody sees" not in str(told.value)


def test_version() -> None:
    """Another minor version is a fault, another patch is none."""
    mine = vendor.__version__.split(".")
    patch = ".".join([*mine[:2], "99"])
    assert patch in prefect.version.look(_site({"admin/version": patch}))
    assert "2.20.1" in _wrong(prefect.version, _site({"admin/version": "2.20.1"})).fault


def test_analytics() -> None:
    """A server that sends statistics is a warning."""
    on, off = ({"server": {"analytics_enabled": state}} for state in (True, False))
    wrong = _wrong(prefect.analytics, _site({"admin/settings": on}))
    assert "PREFECT_SERVER_ANALYTICS_ENABLED=false" in wrong.fix
    assert prefect.analytics.look(_site({"admin/settings": off})) == "off"
    assert prefect.analytics.warns


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        ({"database": {"driver": "postgresql+asyncpg"}}, "PostgreSQL"),
        ({"database": {"driver": "sqlite+aiosqlite"}}, "SQLite"),
        ({"database": {"host": "db.example"}}, "PostgreSQL"),
        ({"database": {"connection_url": "**********"}}, "a database whose kind"),
        ({}, "a database whose kind"),
    ],
)
def test_kind_of_database(server: Answers, kind: str, tmp_path: Path) -> None:
    """The kind is told from what the server says, and not guessed where it says nothing."""
    settings = {"home": str(tmp_path), "server": server}
    assert prefect._kind_of_database(settings, here=True).startswith(kind)


def test_sqlite_by_its_file(tmp_path: Path) -> None:
    """On the same machine a file that is written to is SQLite; an old one, or another machine's, tells nothing."""
    file = tmp_path / "prefect.db"
    file.touch()
    settings = {"home": str(tmp_path), "server": {"database": {"connection_url": "***"}}}
    assert prefect._kind_of_database(settings, here=True) == "SQLite"
    assert prefect._kind_of_database(settings, here=False) != "SQLite"
    old = time.time() - 86_400
    os.utime(file, (old, old))
    assert prefect._kind_of_database(settings, here=True) != "SQLite"


def test_work_pool() -> None:
    """A pool that is not there leads to deploying; a limit of 0 is a fault too."""
    assert _wrong(prefect.work_pool, _site({}), "account-rotation").fix == "account-rotation deploy"
    none = _site({"work_pools/account-rotation": {"concurrency_limit": 0, "is_paused": False}})
    assert "limit of 0" in _wrong(prefect.work_pool, none, "account-rotation").fault


def test_no_verification() -> None:
    """A client that looks at no certificate is a fault."""
    site = _site({})
    site.prefect_address = Address("https://prefect.example/api", None, None, None, verified=False)
    assert "unset PREFECT_API_TLS_INSECURE_SKIP_VERIFY" in _wrong(prefect.verified, site).fix


def test_no_server() -> None:
    """Without a server everything by hand works, so it is a warning."""
    assert "PREFECT_API_URL" in _wrong(prefect.address, Site(Choices())).fix
    assert prefect.address.warns


def test_messages() -> None:
    """An action that failed is a message that nobody got."""
    events = {"events": [{"event": "prefect.automation.action.failed"}], "total": 1}
    assert "1 action" in _wrong(prefect.messages, _site({"events/filter": events})).fault


def test_login_goes_along() -> None:
    """The login travels in its header, and a refusal does not repeat it."""
    heard: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request.headers["Authorization"])
        return httpx.Response(403)

    address = Address(URL, Secret("admin:hidden"), None, None, verified=True)
    api = PrefectApi(address, transport=httpx.MockTransport(answer))
    with pytest.raises(NotPermitted) as told:
        api.get("read version", "admin/version")
    assert base64.b64decode(heard[0].removeprefix("Basic ")) == b"admin:hidden"
    assert "hidden" not in str(told.value) + told.value.what_to_do()


def test_every_page() -> None:
    """A list is read to its end."""
    seen: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = request.read().decode()
        seen.append(len(seen))
        return httpx.Response(200, json=[{"n": body}] * (200 if len(seen) < 3 else 1))

    address = Address(URL, None, None, None, verified=True)
    api = PrefectApi(address, transport=httpx.MockTransport(answer))
    assert len(api.listed("read", "things/filter")) == 401


def test_finds_its_address() -> None:
    """Prefect's own settings say where the server is, and how to sign in; without a server there is none."""
    login = {PREFECT_API_URL: f"{URL}/", PREFECT_API_AUTH_STRING: "admin:hidden"}
    with temporary_settings(login):
        told = Address.told()
    assert told is not None
    assert (told.url, told.verified) == (URL, True)
    assert told.login is not None
    assert told.login.reveal() == "admin:hidden"
    assert "hidden" not in repr(told)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert Address.told() is None
