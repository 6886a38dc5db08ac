"""The console stand-in itself: what it refuses, what it keeps, what it never shows."""

from __future__ import annotations

import json
import sqlite3
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.tls import tls_context
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.contracts.cayosoft.contract import Checked, Contract

ROW = "/bridge/v1/extensions/active_directory/rows/corp.example.test"
TENANT_ROW = "/bridge/v1/extensions/microsoft_365/rows/example.test"


class Site:
    """A console without systems behind it, and a plain client of its bridge."""

    def __init__(self, standin: StandIn, authority: Authority, config: dict[str, Any]) -> None:
        self.standin, self.config = standin, config
        context = tls_context(authority.ca_file, "test")
        plain = httpx.HTTPTransport(verify=context, retries=0)
        self.checked = httpx.Client(
            base_url=standin.url, transport=Checked(plain, Contract()), timeout=20
        )
        self.plain = httpx.Client(base_url=standin.url, verify=context, trust_env=False, timeout=20)

    def sign_in(self) -> httpx.Response:
        """Sign both clients in."""
        client = self.config["client"]
        answer = self.checked.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(client["client_id"], client["client_secret"]),
        )
        for http in (self.checked, self.plain):
            http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def draft(self, password: str, account: str = "svc-new") -> httpx.Response:
        """Enter a credential."""
        revision = self.checked.get(ROW).headers["ETag"]
        body = {"account": account, "password": password, "secretLabel": "label"}
        return self.checked.post(f"{ROW}/drafts", json=body, headers={"If-Match": revision})

    def save(self, draft: httpx.Response, key: str) -> httpx.Response:
        """Save a draft."""
        revision = f'"{draft.json()["baseRevision"]}"'
        headers = {"If-Match": revision, "Idempotency-Key": key}
        return self.checked.post(f"{draft.headers['Location']}/save", headers=headers)


@pytest.fixture(scope="module")
def configuration(
    authority: Authority,
    new_password: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """Return a configuration whose directory and tenant are ports where nobody listens."""
    certificate, key = authority.issue("console-alone")
    nobody = "127.0.0.1:9"
    return {
        "port": 0,
        "tls": {"cert": str(certificate), "key": str(key)},
        "ca_file": str(authority.ca_file),
        "database": str(tmp_path_factory.mktemp("console") / "console.sqlite"),
        "client": {"client_id": "rotation", "client_secret": new_password()},
        "active_directory": {
            "url": f"ldaps://{nobody}",
            "base_dn": "DC=corp,DC=example,DC=test",
            "domain": "corp.example.test",
        },
        "entra": {
            "authority": f"https://{nobody}/tenant",
            "graph": f"https://{nobody}/v1.0",
            "tenant_id": str(uuid.uuid4()),
            "domain": "example.test",
            "app_display_name": "Cayosoft Administrator API Access",
            "setup_client_id": str(uuid.uuid4()),
        },
        "rows": [
            {"extension": "active_directory", "row": "corp.example.test", "account": "svc-old",
             "password": new_password()},
            {"extension": "microsoft_365", "row": "example.test", "account": "svc-old@example.test",
             "password": new_password()},
        ],
    }  # fmt: skip


@contextmanager
def started(authority: Authority, config: dict[str, Any]) -> Iterator[Site]:
    """Start a console."""
    with StandIn.start("sandbox.cayosoft", config) as standin:
        site = Site(standin, authority, config)
        site.sign_in()
        yield site
        site.checked.close()
        site.plain.close()


@pytest.fixture(scope="module")
def site(authority: Authority, configuration: dict[str, Any]) -> Iterator[Site]:
    """Return the module's console."""
    with started(authority, configuration) as site:
        yield site


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic eDp5", "Bearer"])
def test_demands_a_token(site: Site, authorization: str | None) -> None:
    """Without a good token every route answers 401, and nothing is done."""
    headers = {"Authorization": authorization} if authorization else {}
    with httpx.Client(base_url=site.standin.url, verify=site_context(site)) as nobody:
        for method, path in (
            ("GET", ROW),
            ("POST", f"{ROW}/check-settings"),
            ("DELETE", "/bridge/v1/drafts/x"),
        ):
            answer = nobody.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["type"] == "urn:console-bridge:not-signed-in"


def site_context(site: Site) -> Any:
    """Return the TLS context of the site's authority."""
    return tls_context(Path(site.config["ca_file"]), "test")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"data": {"grant_type": "password"}}, 400),
        ({"data": {"grant_type": "client_credentials"}}, 401),
        ({"data": {"grant_type": "client_credentials"}, "auth": ("rotation", "wrong")}, 401),
        ({"data": {"grant_type": "client_credentials"}, "auth": ("other", "wrong")}, 401),
        (
            {"data": {"grant_type": "client_credentials"}, "headers": {"Authorization": "Basic !"}},
            401,
        ),
    ],
)
def test_gives_tokens_to_its_client_only(site: Site, content: dict, status: int) -> None:
    """Another grant, another client or another secret gets no token."""
    with httpx.Client(base_url=site.standin.url, verify=site_context(site)) as nobody:
        assert status == nobody.post("/oauth2/token", **content).status_code


def test_tokens_end(site: Site) -> None:
    """A token lives as long as it says, by the console's clock."""
    lifetime = site.sign_in().json()["expires_in"]
    site.standin.advance(lifetime + 1)
    try:
        assert site.checked.get(ROW).status_code == 401
    finally:
        site.standin.advance(-lifetime - 1)
    assert site.checked.get(ROW).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "account"),
        ({"account": "a"}, "password"),
        ({"account": "a", "password": ""}, "password"),
        ({"account": "a", "password": 1}, "password"),
        ({"account": "a", "password": "x"}, "secretLabel"),
        ([], "body"),
    ],
)
def test_names_the_wrong_member(site: Site, body: Any, field: str) -> None:
    """A member that is missing or wrong is named, its value is not."""
    answer = site.plain.post(f"{ROW}/drafts", json=body, headers={"If-Match": '"x"'})
    assert (422, field) == (answer.status_code, answer.json()["field"])


def test_names_the_wrong_header(site: Site, new_password: Callable[[], str]) -> None:
    """If-Match and Idempotency-Key are demanded where the contract has them."""
    body = {"account": "a", "password": new_password(), "secretLabel": "label"}
    answer = site.plain.post(f"{ROW}/drafts", json=body, headers={"If-Match": "unquoted"})
    assert (answer.status_code, answer.json()["field"]) == (422, "If-Match")
    draft = site.draft(new_password()).headers["Location"]
    answer = site.plain.post(f"{draft}/save", headers={"If-Match": '"x"'})
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
    answer = site.plain.post(f"{draft}/save", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["field"]) == (422, "If-Match")


def test_the_checkbox_has_no_default(site: Site) -> None:
    """A permission request is not accepted without saying how the checkbox stands."""
    for body in ({}, {"onBehalfOfOrganization": "false"}, {"onBehalfOfOrganization": None}):
        answer = site.plain.post(
            "/bridge/v1/permission-requests/p1/accept", json=body, headers={"Idempotency-Key": "k"}
        )
        assert (answer.status_code, answer.json()["field"]) == (422, "onBehalfOfOrganization")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/bridge/v1/extensions/exchange"),
        ("GET", "/bridge/v1/extensions/active_directory/rows/none"),
        ("GET", f"{ROW}/consent"),
        ("POST", f"{ROW}/permission-requests"),
        ("POST", "/bridge/v1/drafts/none/validate"),
        ("GET", "/bridge"),
        ("POST", "/console/nothing"),
        ("DELETE", ROW),
    ],
)
def test_not_found(site: Site, method: str, path: str) -> None:
    """What is not there is a 404 problem."""
    answer = site.plain.request(method, path)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:console-bridge:not-found")


def test_systems_that_do_not_answer(site: Site) -> None:
    """A directory or tenant that is down is 503 for every step that needs it, and does not crash a command."""
    delete = {"operation": "ad.delete_user", "arguments": {"dn": "CN=x"}}
    for path, content in (
        (f"{ROW}/check-settings", {}),
        (f"{TENANT_ROW}/check-settings", {}),
        (f"{TENANT_ROW}/permission-requests", {}),
        (f"{TENANT_ROW}/app", {"headers": {"Idempotency-Key": "k1"}}),
        (f"{ROW}/operations", {"headers": {"Idempotency-Key": "k2"}, "json": delete}),
    ):
        answer = site.checked.post(path, **content)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json()["type"] == "urn:console-bridge:unavailable"
    row = {"extension": "active_directory", "row": "corp.example.test"}
    assert site.standin.do("signs_in", **row) == {"signs_in": False, "error_code": "no answer"}


def test_commands_that_make_no_sense(site: Site) -> None:
    """A command about nothing is refused, and the console goes on."""
    for command, arguments in (
        ("dance", {}),
        ("signs_in", {"extension": "active_directory", "row": "none"}),
        ("set_row", {"extension": "none", "row": "none"}),
    ):
        with pytest.raises(ValueError):
            site.standin.do(command, **arguments)
    assert site.checked.get(ROW).status_code == 200


def test_keeps_what_was_saved(
    authority: Authority,
    configuration: dict[str, Any],
    new_password: Callable[[], str],
    tmp_path: Path,
) -> None:
    """After a restart the rows, the drafts and the kept answers are as they were; tokens are forgotten."""
    config = {**configuration, "database": str(tmp_path / "kept.sqlite")}
    with started(authority, config) as site:
        draft = site.draft(new_password(), "one")
        saved = site.save(draft, "key-1").json()
        waiting = site.draft(new_password(), "two")
        token = site.plain.headers["Authorization"]
    with started(authority, config) as site:
        old = site.plain.get(ROW, headers={"Authorization": token})
        assert old.status_code == 401
        assert saved == site.checked.get(ROW).json()
        assert saved == site.save(draft, "key-1").json()
        assert site.save(waiting, "key-2").json()["account"] == "two"
        (row, _) = site.standin.state()["rows"]
        assert (row["saves"], row["account"], row["saved_key"]) == (2, "two", "key-2")


def test_shows_no_secret(
    authority: Authority,
    configuration: dict[str, Any],
    new_password: Callable[[], str],
    tmp_path: Path,
) -> None:
    """No password, token or client secret is in an answer, the state, the journal, the log or a file."""
    folder = tmp_path / "console"
    folder.mkdir()
    config = {**configuration, "database": str(folder / "console.sqlite")}
    entered, saved, by_hand = new_password(), new_password(), new_password()
    with StandIn.start("sandbox.cayosoft", config, folder / "log") as standin:
        site = Site(standin, authority, config)
        token = site.sign_in().json()["access_token"]
        answers = [
            site.draft(entered),
            site.save(site.draft(saved), "key-1"),
            site.checked.get(ROW),
        ]
        answers.append(site.plain.post(f"{ROW}/drafts", json={"password": entered}))
        row = {"extension": "active_directory", "row": "corp.example.test"}
        said = [standin.do("set_row", **row, password=by_hand), standin.state(), standin.journal()]
        site.checked.close()
        site.plain.close()
    told = json.dumps(said) + "".join(answer.text + str(answer.headers) for answer in answers)
    files = list(folder.iterdir())
    kept = b"".join(file.read_bytes() for file in files)
    canaries = [entered, saved, by_hand, token, config["client"]["client_secret"]]
    canaries += [row["password"] for row in config["rows"]]
    assert not [c for c in canaries if c in told or c.encode() in kept]
    private = {file.name for file in files if stat.S_IMODE(file.stat().st_mode) == 0o600}
    assert {"console.sqlite", "console.sqlite.key"} <= private


def test_a_discarded_password_is_gone(
    authority: Authority,
    configuration: dict[str, Any],
    new_password: Callable[[], str],
    tmp_path: Path,
) -> None:
    """The file forgets the password of a draft that was discarded or expired, encrypted as it was."""
    database = tmp_path / "forget.sqlite"
    with started(authority, {**configuration, "database": str(database)}) as site:
        first, second = site.draft(new_password()), site.draft(new_password())
        with sqlite3.connect(database) as file:
            closed = [row[0] for row in file.execute("SELECT password FROM drafts")]
        file.close()
        assert len(closed) == 2
        assert site.checked.delete(first.headers["Location"]).status_code == 204
        site.standin.do("expire_drafts")
        assert site.save(second, "key-1").status_code == 410
        content = database.read_bytes()
        assert not [ciphertext for ciphertext in closed if ciphertext in content]
