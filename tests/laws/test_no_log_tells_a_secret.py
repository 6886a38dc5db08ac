"""No log, file, process or exception tells a secret, however much a site turns on and whatever goes wrong."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import ldap3.utils.log as ldap3_log
import pytest

import connectors.active_directory.transport  # noqa: F401  silences ldap3, which the sandbox uses first
import flows._run
from connectors.entra.wire import MsalHttp
from connectors.errors import RotationError
from connectors.secret import Secret
from sandbox import canary
from sandbox.people import DOMAIN
from sandbox.world import World
from tests.running import Server, Update

pytestmark = [pytest.mark.prefect, pytest.mark.bookkeeping]

LIBRARIES = ("httpx", "httpcore", "urllib3", "requests", "hvac", "msal", "ldap3")
REPORTED = ("prefect", "connectors", "tasks", "flows", "report", "inventory", *LIBRARIES)


@dataclass
class Sinks:
    """Where everything ends up that a run says; ``canaries`` are the secrets that it handled."""

    folder: Path
    canaries: set[str] = field(default_factory=set)
    talkers: set[str] = field(default_factory=set)

    def tell(self, text: str) -> None:
        """Keep one more piece of what was said."""
        with (self.folder / "told").open("a") as file:
            file.write(text + "\n")


class _Listener(logging.Handler):
    """Keeps every record in full: text, arguments and exceptions with the locals of their frames."""

    def __init__(self, sinks: Sinks) -> None:
        super().__init__(level=1)
        self._sinks = sinks

    def emit(self, record: logging.LogRecord) -> None:
        self._sinks.talkers.add(record.name.split(".")[0])
        self._sinks.tell(f"{record.name} {record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1]:
            self._sinks.tell("".join(traceback.format_exception(record.exc_info[1])))


@pytest.fixture
def sinks(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sinks]:
    """Turn every log on, send HOME and TMP to a folder of the test, and learn every secret in use."""
    found = Sinks(tmp_path / "sinks")
    for name in ("home", "tmp"):
        (found.folder / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(found.folder / "home"))
    monkeypatch.setenv("TMPDIR", str(found.folder / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(found.folder / "tmp"))
    _learn(found, monkeypatch)
    _keep_errors(found, monkeypatch)
    listener = _Listener(found)
    names = [n for n in logging.Logger.manager.loggerDict if n.split(".")[0] in REPORTED]
    loggers = [logging.getLogger(name) for name in ("", *names)]
    levels = [logger.level for logger in loggers]
    detail = ldap3_log.get_library_log_detail_level()
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    ldap3_log.set_library_log_detail_level(ldap3_log.EXTENDED)
    talking = [logging.getLogger(), logging.getLogger("prefect")]
    for logger in talking:
        logger.addHandler(listener)
    yield found
    for logger in talking:
        logger.removeHandler(listener)
    ldap3_log.set_library_log_detail_level(detail)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def _learn(sinks: Sinks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn tokens and assertions that are issued on the way: all pass our own two classes."""
    initialise, post, send = Secret.__init__, MsalHttp.post, MsalHttp._exchange

    def initialised(self: Secret, value: str) -> None:
        initialise(self, value)
        # A PEM text shows broken into lines: a line of its body stands for it.
        sinks.canaries.update([value] if "\n" not in value else [value.splitlines()[1]])

    def posted(
        self: MsalHttp, url: str, *, data: Mapping[str, object] | None = None, **more: Any
    ) -> httpx.Response:
        for name in ("client_assertion", "client_secret", "password"):
            value = (data or {}).get(name)
            sinks.canaries.add(value.decode() if isinstance(value, bytes) else str(value or ""))
        return post(self, url, data=data, **more)

    def exchanged(self: MsalHttp, request: httpx.Request) -> httpx.Response:
        response = send(self, request)
        with contextlib.suppress(ValueError, AttributeError):
            sinks.canaries.add(response.json().get("access_token", ""))
        return response

    monkeypatch.setattr(Secret, "__init__", initialised)
    monkeypatch.setattr(MsalHttp, "post", posted)
    monkeypatch.setattr(MsalHttp, "_exchange", exchanged)


def _keep_errors(sinks: Sinks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what each typed error would show in a traceback with locals, and in a pickle."""
    sealed = RotationError.sealed

    def kept(self: RotationError) -> RotationError:
        left_its_task = Path(sys._getframe(1).f_code.co_filename).parent.name == "flows"
        shown = traceback.TracebackException.from_exception(self, capture_locals=left_its_task)
        sinks.tell("".join(shown.format()) + repr(self) + self.what_to_do())
        sinks.tell(repr(pickle.dumps(self)))
        return sealed(self)

    monkeypatch.setattr(RotationError, "sealed", kept)


def _assert_nothing_told(sinks: Sinks, world: World, server: Server) -> None:
    names = {seed.client_id for seed in world.services}  # kept beside secrets, and none
    names |= {name for seed in world.services for name in (seed.ad_upn, seed.entra_upn)}
    secrets = (sinks.canaries | world.canaries) - names - {f"svc-rotation-reader@{DOMAIN}"}
    around = [
        file.read_bytes()
        for name in ("cmdline", "environ")
        for file in Path("/proc").glob(f"[0-9]*/{name}")
        if _readable(file)
    ]
    around.append(repr(dict(os.environ)).encode())
    search = canary.Search(secrets)
    assert canary.scan([sinks.folder, server.home], secrets) == []
    assert [one for one in around if search.encodings(one)] == []


def _readable(file: Path) -> bool:
    try:
        return bool(file.read_bytes())
    except OSError:  # it ended, or is not ours
        return False


def _garbled(world: World, which: str, kind: str, **how: Any) -> None:
    systems = {
        "vault": world.vault,
        "graph": world.tenants["north"],
        "console": world.consoles["hq"],
    }
    systems[which].arm("*", kind, times=0, **how)


TROUBLE: dict[str, Callable[[World], object]] = {
    "a good run": lambda _: None,
    "wrong passwords": lambda w: (
        w.publish("hq", "ad", password="Canary-of-a-wrong-password-1"),
        w.publish("hq", "m365", password="Canary-of-a-wrong-password-2"),
    ),
    **{
        f"{system}: {kind}": lambda w, s=system, k=kind, h=how: _garbled(w, s, k, **h)  # type: ignore[misc]
        for system in ("vault", "graph", "console")
        for kind, how in (
            ("html", {"status": 200}),
            ("status", {"status": 200, "body": ["no", "object"]}),
        )
    },
    "answers that are lost": lambda w: [
        system.arm("*", "answer_lost", times=3)
        for system in (w.directory, w.tenants["north"], w.consoles["hq"])
    ],
    "a directory that resets connections": lambda w: w.directory.arm(
        "bind", "unreachable", times=0
    ),
}


def test_no_sink_holds_a_secret_at_debug(
    world: World, update: Update, prefect_api: Server, sinks: Sinks
) -> None:
    """With every log at DEBUG, nothing is told by good runs, refusals, garbled and lost answers."""
    for trouble in TROUBLE.values():
        for system in (world.vault, world.directory, world.tenants["north"], world.consoles["hq"]):
            system.disarm()
        world.rotate_ad("hq")
        world.rotate_entra("hq")
        trouble(world)
        update("hq")

    assert {"connectors", "prefect"} <= sinks.talkers
    assert sinks.talkers & set(LIBRARIES) == set()
    assert len(sinks.canaries) > 30
    _assert_nothing_told(sinks, world, prefect_api)


@dataclass
class Careless:
    """Systems of which one breaks in the middle, with a secret in its mouth."""

    systems: Any
    kind: type[BaseException]

    def __enter__(self) -> Self:
        self.systems.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        self.systems.__exit__(*what)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.systems, name)

    def directory(self, _: str) -> Any:
        """Hand over a directory that breaks with a secret in its mouth."""
        return self

    def sign_in(self, handle: Any) -> None:
        """Break as a library might, while another exception is being handled."""
        password = self.systems.vault.credential(handle).password
        try:
            raise KeyError(password.reveal())
        except KeyError:
            if self.kind is KeyboardInterrupt:
                raise KeyboardInterrupt  # noqa: B904
            raise self.kind(password.reveal())  # noqa: B904


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt], ids=lambda k: k.__name__)
def test_what_breaks_inside_a_connector_says_nothing(
    world: World,
    update: Update,
    prefect_api: Server,
    sinks: Sinks,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[BaseException],
) -> None:
    """An exception or interrupt out of a connector that carries a secret is stripped of it."""
    opened = flows._run.open_systems
    monkeypatch.setattr(
        flows._run, "open_systems", lambda inventory: Careless(opened(inventory), kind)
    )

    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        update("hq", connections=["hq-ad"])

    assert len(sinks.canaries) > 2
    _assert_nothing_told(sinks, world, prefect_api)


def test_the_command_line_says_nothing_at_debug(
    world: World, prefect_api: Server, tmp_path: Path
) -> None:
    """A worker that a site has set to DEBUG, every library named to Prefect, tells no secret anywhere."""
    home, site = tmp_path / "site-home", tmp_path / "site"
    home.mkdir()
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        textwrap.dedent("""
            import logging, os
            import ldap3.utils.log as talk
            talk.set_library_log_detail_level(talk.EXTENDED)
            logging.basicConfig(level=1, filename=os.environ["HOME"] + "/log")
        """)
    )
    world.rotate_ad("hq")
    world.rotate_entra("hq")
    environment = {
        **os.environ,
        **world.environment,
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPATH": f"{site}:{Path(__file__).parents[2]}",
        "PREFECT_HOME": str(prefect_api.home),
        "PREFECT_API_URL": f"{prefect_api.url}/api",
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG",
        "PREFECT_LOGGING_EXTRA_LOGGERS": ",".join((*LIBRARIES, "connectors")),
    }
    command = [sys.executable, "-m", "cli.main", "update", "hq"]

    done = subprocess.run(command, env=environment, capture_output=True, check=False)

    (home / "said").write_bytes(done.stdout + done.stderr)
    assert done.returncode == 0
    log = (home / "log").read_text()
    assert "connectors" in log
    assert {
        line.split(":")[1].split(".")[0] for line in log.splitlines() if line.count(":") > 1
    }.isdisjoint(LIBRARIES)
    assert canary.scan([home, prefect_api.home], world.canaries) == []
