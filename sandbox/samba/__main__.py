"""Run the domain controller as a stand-in process."""

from __future__ import annotations

from typing import Any

from sandbox.samba import tree
from sandbox.samba.forwarder import ByteFaults
from sandbox.samba.server import DomainController
from sandbox.standin.process import Config, Endpoints, run

_running: list[DomainController] = []


def start(config: Config) -> Endpoints:
    """Start the domain controller that ``config`` describes."""
    control = ByteFaults()
    server = DomainController(config, control)
    _running.append(server)
    server.start()

    def job(job_name: str, /, **details: Any) -> Any:
        return tree.do_job(job_name, configuration=str(server.configuration), **details)

    def change(command: dict[str, Any]) -> dict[str, Any]:
        if command["do"] == "cut":
            return {"cut": server.cut()}
        details = {name: value for name, value in command.items() if name != "do"}
        try:
            job(command["do"], **details)
        except RuntimeError as problem:
            raise ValueError(str(problem)) from None
        return {}

    control.change_state = change
    control.show_state = lambda: {"users": job("users")}
    return {
        "url": f"ldaps://127.0.0.1:{server.port}",
        "control": f"http://127.0.0.1:{control.serve().server_port}",
        "base_dn": server.base_dn,
    }


def stop() -> None:
    """End what was started, however far it came."""
    for server in _running:
        server.stop()


if __name__ == "__main__":
    run(start, stop)
