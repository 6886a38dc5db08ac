"""Start the console stand-in: its configuration, its state for assertions, its set-up commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.cayosoft.active_directory import ActiveDirectory
from sandbox.cayosoft.bridge import Bridge, Service
from sandbox.cayosoft.console import EXTENSIONS, Console
from sandbox.cayosoft.pages.sessions import Sessions
from sandbox.cayosoft.pages.site import open_pages
from sandbox.cayosoft.problems import ConsoleProblem, DirectoryRefused, DirectorySilent
from sandbox.cayosoft.records import Login
from sandbox.cayosoft.sign_in import Client, SignIn
from sandbox.cayosoft.store import Store
from sandbox.cayosoft.tenant import Tenant
from sandbox.standin.control import Control
from sandbox.standin.http import App
from sandbox.standin.process import Config, Endpoints
from sandbox.standin.tls import server_context


def start(config: Config) -> Endpoints:
    """Start serving and return the endpoints."""
    control = Control()
    console = _console(config, control)
    app = App(control)
    lifetime = float(config.get("token_lifetime", 3600))
    sign_in = SignIn(Client(**config["client"]), lifetime, control.now)
    service = Service(config.get("service", "hq"), config.get("product_version", "13.3"))
    bridge = Bridge(app, console, sign_in, service)
    sessions = Sessions(service.name, config.get("console_accounts", []), control.now)
    open_pages(app, console, sessions, service)
    control.show_state = lambda: _state(bridge)
    control.change_state = lambda command: _carry_out(bridge, sessions, command)
    tls = server_context(Path(config["tls"]["cert"]), Path(config["tls"]["key"]))
    server = app.serve(int(config.get("port", 0)), tls)
    side_door = control.serve()
    return {
        "url": f"https://127.0.0.1:{server.server_address[1]}",
        "control": f"http://127.0.0.1:{side_door.server_address[1]}",
    }


def _console(config: Config, control: Control) -> Console:
    store = Store(Path(config["database"]))
    for row in config.get("rows", []):
        store.seed(row["extension"], row["row"], Login(row["account"], row["password"]))
    ca_file: str = config.get("ca_file") or ""
    ad, entra = config.get("active_directory"), config.get("entra")
    return Console(
        store,
        ActiveDirectory(ad["url"], ad["base_dn"], ad["domain"], ca_file) if ad else None,
        Tenant(
            entra["authority"],
            entra["graph"],
            entra["domain"],
            entra["app_display_name"],
            entra["setup_client_id"],
            ca_file,
            entra.get("permissions", []),
        )
        if entra
        else None,
        control.now,
        float(config.get("draft_lifetime", 600)),
        int(config.get("collecting_reads", 2)),
    )


def _state(bridge: Bridge) -> dict[str, Any]:
    """Return what a test may assert on. No password, no token."""
    store = bridge.console.store
    store.expire(bridge.console.now())
    return {
        "service": bridge.service.name,
        "product_role": bridge.sign_in.client.product_role,
        "extensions": {name: store.enabled(name) for name in EXTENSIONS},
        "rows": [
            {
                "extension": row.extension,
                "row": row.row,
                "account": row.account,
                "revision": row.revision,
                "secret_label": row.secret_label,
                "saved_at": row.saved_at,
                "saved_key": row.saved_key,
                "saves": row.saves,
                "drafts_open": store.drafts_open(row.extension, row.row),
                "app_id": row.app_id,
                "collecting": row.collecting > 0,
            }
            for row in store.rows()
        ],
    }


def _carry_out(bridge: Bridge, sessions: Sessions, command: dict[str, Any]) -> dict[str, Any]:
    try:
        if command["do"] == "set_console_role":
            sessions.set_role(command["account"], command["role"])
            return {}
        return _command(bridge, command)
    except ConsoleProblem as trouble:
        raise ValueError(f"{type(trouble).__name__} {trouble}") from trouble


def _command(bridge: Bridge, command: dict[str, Any]) -> dict[str, Any]:
    """Carry out one set-up command; README lists them."""
    console, store = bridge.console, bridge.console.store
    match command["do"]:
        case "signs_in":
            extension, row = command["extension"], command["row"]
            try:
                console.sign_in(extension, store.held(extension, row))
            except DirectoryRefused as refused:
                return {"signs_in": False, "error_code": refused.code}
            except DirectorySilent:
                return {"signs_in": False, "error_code": "no answer"}
            return {"signs_in": True, "error_code": None}
        case "set_row":
            extension, row = command["extension"], command["row"]
            held = store.held(extension, row)
            login = Login(
                command.get("account", held.account), command.get("password", held.password)
            )
            saved = store.put(extension, row, login, command.get("secret_label"), console.now())
            return {"revision": saved.revision}
        case "disable_extension":
            store.set_enabled(command["extension"], False)
        case "enable_extension":
            store.set_enabled(command["extension"], True)
        case "restrict":
            bridge.operations.restricted = set(command["operations"])
        case "expire_drafts":
            return {"expired": store.expire(float("inf"))}
        case "forget_keys":
            store.forget_answers()
        case "expire_tokens":
            bridge.sign_in.expire_tokens()
        case "set_role":
            bridge.sign_in.client.product_role = command["role"]
        case unknown:
            raise ValueError(f"no command {unknown}")
    return {}
