"""The intake as a process of its own, on a Vault with many connections, and senders that do not give up."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from ruamel.yaml import YAML

from intake.spool import Spool
from sandbox.standin.tls import TRUSTS_NOBODY
from tests.contracts.vault.server import MOUNT, Server, private_file
from tests.intake.prefect_stand_in import PrefectStandIn
from tests.intake.sending import new_key, private, signed, thin
from tests.ports import lasting_port
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]


def write_inventory(file: Path, connections: int) -> None:
    """Write an inventory of so many services with one connection each."""
    services = [
        {
            "name": f"site-{n}",
            "console": {"driver": "operator"},
            "connections": [
                {
                    "name": f"site-{n}-ad",
                    "extension": "active_directory",
                    "row": "corp.example.com",
                    "directory": "corp",
                    "accounts": [{"username": f"svc-{n}@corp.example.com"}],
                    "secret": {"mount": MOUNT, "path": path_of(n)},
                    "rotated_by": "vault",
                    "validation_ou": "OU=Test,DC=corp,DC=example,DC=com",
                }
            ],
        }
        for n in range(connections)
    ]
    directory = {
        "name": "corp",
        "domain": "corp.example.com",
        "base_dn": "DC=corp,DC=example,DC=com",
        "controllers": ["ldaps://dc1.corp.example.com"],
        "reader": {"path": "reader"},
    }
    with file.open("w") as opened:
        YAML().dump(
            {
                "version": 1,
                "directories": [directory],
                "services": services,
                "ledgers": {"mount": MOUNT, "path": "rotation"},
            },
            opened,
        )


def path_of(number: int) -> str:
    """Return where the secret of a connection is."""
    return f"apps/site-{number}"


@dataclass
class Intake:
    """One intake that is started, killed and started again on the same spool."""

    folder: Path
    vault: Server
    prefect: PrefectStandIn
    connections: int
    key: str = field(default_factory=new_key)
    accepted: list[tuple[int, int]] = field(default_factory=list)
    sent: int = 0
    starts: int = 0

    def __post_init__(self) -> None:
        write_inventory(self.folder / "inventory.yaml", self.connections)
        private(self.folder / "keys", self.key)
        self.port = lasting_port()
        self.spool_file = self.folder / "spool"
        self._process: subprocess.Popen[str] | None = None
        self._secret_id = private_file(self.folder / "secret-id", self.vault.secret_id())
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens, in each of its lives."""
        return f"http://127.0.0.1:{self.port}"

    def _environment(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "ROTATION_"))}
        return own | {
            "INTAKE_SPOOL": str(self.spool_file),
            "INTAKE_PORT": str(self.port),
            "INTAKE_WEBHOOK_KEYS_FILE": str(self.folder / "keys"),
            "INTAKE_PREFECT_API_URL": self.prefect.url,
            "INTAKE_RATE": "10000",
            "INTAKE_FIRST_WAIT": "0.05",
            "INTAKE_LONGEST_WAIT": "0.5",
            "INTAKE_LOOK_EVERY": "0.5",
            "ROTATION_INVENTORY": str(self.folder / "inventory.yaml"),
            "ROTATION_VAULT_ADDR": self.vault.url,
            "ROTATION_VAULT_CA_FILE": str(self.vault.ca_file),
            "ROTATION_VAULT_ROLE_ID": self.vault.role_id(),
            "ROTATION_VAULT_SECRET_ID_FILE": str(self._secret_id),
        }

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "listen"],
                cwd=ROOT,
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line == f"listening on {self.url}\n", (self.folder / "log").read_text()[-2000:]
        self.starts += 1

    def kill(self) -> None:
        """End it as a machine ends that loses its power, but for what the kernel holds."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            code = process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        assert process.stdout
        process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def write(self, numbers: Iterable[int]) -> list[tuple[int, int]]:
        """Write the next version of some secrets in Vault; return their numbers and versions."""
        written = []
        for number in numbers:
            answer = self.vault.admin(
                "POST",
                f"{MOUNT}/data/{path_of(number)}",
                {"data": {"username": "u", "password": "p"}},
            )
            written.append((number, int(answer["data"]["version"])))
        return written

    def send(self, news: tuple[int, int], client: httpx.Client) -> int:
        """Send one signed message and note whether it was accepted; 0 when nobody answered."""
        number, version = news
        body = thin(MOUNT, path_of(number), version)
        headers = signed(self.key, body, f"m-{number}-{version}-{random.random()}")
        try:
            status = client.post(
                f"{self.url}/hooks/vault", content=body, headers=headers
            ).status_code
        except httpx.ConnectError:
            return 0
        except httpx.TransportError:
            status = 0
        with self._lock:
            self.sent += 1
            self.accepted += [news] if status == 202 else []
        return status

    def waiting(self) -> int:
        """Count what waits in the spool, read from its file."""
        with Spool(self.spool_file, create=False) as spool:
            return spool.counts().waiting

    def until_empty(self) -> None:
        """Wait until nothing waits any more."""
        eventually(self.waiting, lambda count: count == 0, within=40)

    def runs(self) -> dict[tuple[int, int], int]:
        """Return how many flow runs there are for each version, by what their keys say."""
        found: dict[tuple[int, int], int] = {}
        for key, run in self.prefect.runs.items():
            path, _, rest = key.removeprefix(f"{MOUNT}/").partition("#")
            number = int(path.removeprefix("apps/site-"))
            assert run["parameters"] == {
                "service": f"site-{number}",
                "connections": [f"site-{number}-ad"],
            }
            news = (number, int(rest.partition("@")[0]))
            found[news] = found.get(news, 0) + 1
        return found


class Senders:
    """Threads that send news again and again until each was accepted once, whoever is killed meanwhile."""

    def __init__(self, intake: Intake, news: Sequence[tuple[int, int]], threads: int = 3) -> None:
        self._intake = intake
        self._left = random.sample(news, len(news))
        self._left_to_send = len(news)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.codes: dict[int, int] = {}
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def left(self) -> int:
        """How much was not accepted yet."""
        return self._left_to_send

    def more(self, news: Sequence[tuple[int, int]]) -> None:
        """Have more to send."""
        with self._lock:
            self._left += news
            self._left_to_send += len(news)

    def _send(self) -> None:
        with httpx.Client(verify=TRUSTS_NOBODY, trust_env=False, timeout=10) as client:
            while not self._over.is_set():
                with self._lock:
                    news = self._left.pop() if self._left else None
                if news is None:
                    self._over.wait(0.05)
                    continue
                status = self._intake.send(news, client)
                with self._lock:
                    self.codes[status] = self.codes.get(status, 0) + 1
                    if status == 202:
                        self._left_to_send -= 1
                    else:
                        self._left.append(news)
                if status != 202:
                    self._over.wait(0.1)
