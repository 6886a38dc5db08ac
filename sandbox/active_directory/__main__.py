"""Start the directory as a process: ``python -m sandbox.active_directory``, configuration on stdin."""

from __future__ import annotations

import threading
from pathlib import Path

from sandbox.active_directory.accounts import Accounts
from sandbox.active_directory.directory import Directory
from sandbox.active_directory.operations import Operations
from sandbox.active_directory.seed import Seed
from sandbox.active_directory.server import Server
from sandbox.active_directory.session import Domain
from sandbox.active_directory.state import State
from sandbox.standin.control import Control
from sandbox.standin.process import Config, Endpoints, run
from sandbox.standin.tls import server_context


def start(config: Config) -> Endpoints:
    """Build the domain, open its domain controllers and the side door."""
    control = Control()
    directory = Directory(config["domain"], config["netbios"], control.now)
    accounts = Accounts(directory)
    seed = Seed(directory, accounts)
    seed.run(config)
    domain = Domain(directory, accounts, Operations(directory, accounts), threading.RLock())
    state = State(directory, accounts, seed)

    def show() -> object:
        with domain.lock:
            return state.show()

    def change(command: dict[str, object]) -> object:
        with domain.lock:
            return state.change(command)

    control.show_state, control.change_state = show, change
    context = server_context(Path(config["tls"]["cert"]), Path(config["tls"]["key"]))
    first = int(config.get("port", 0))
    servers = [
        Server(first + number if first else 0, context, domain, control, number)
        for number in range(int(config.get("replicas", 1)))
    ]
    door = control.serve(int(config.get("control_port", 0)))
    return {
        "url": servers[0].url,
        "urls": [server.url for server in servers],
        "base_dn": str(directory.base),
        "control": f"http://127.0.0.1:{door.server_address[1]}",
    }


if __name__ == "__main__":
    run(start)
