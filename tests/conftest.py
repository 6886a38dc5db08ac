"""Fixtures that every room of the tests shares; those that start systems are in tests/running.py."""

from __future__ import annotations

import gc
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.operator.chromium import NoBrowser, chromium
from sandbox.standin.tls import Authority

pytest_plugins = ["tests.running", "tests.parallel", "tests.laws_table"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A suite that a shell started in the background would hand on that Ctrl-C is to be ignored, and
    # the tests that interrupt a run could not.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return a certificate authority made for this test session."""
    return Authority.create(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def new_password() -> Callable[[], str]:
    """Return a maker of random passwords that satisfy every policy in the sandbox.

    From few letters, because others may spell a part of an account's name, which a directory refuses.
    """
    return lambda: "Aa1!" + "".join(secrets.choice("0123456789QXZqxz") for _ in range(32))


@pytest.fixture(scope="session")
def samba_golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which this run keeps its provisioned Samba domain: configuration key golden."""
    return _kept_by_the_run(tmp_path_factory) / "golden"


@pytest.fixture(scope="session")
def prefect_golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which this run keeps a fresh Prefect database: configuration key golden."""
    return _kept_by_the_run(tmp_path_factory) / "golden-prefect"


def _kept_by_the_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of what takes seconds to make: workers share it, and the first to come makes it."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep a developer's own Vault, proxy and CA settings out of the tests."""
    for name in (
        "VAULT_ADDR", "VAULT_TOKEN", "VAULT_CACERT", "VAULT_CAPATH", "VAULT_NAMESPACE",
        "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
        "http_proxy", "https_proxy", "all_proxy", "MSAL_FORCE_REGION",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a browser where there is none, before anything is started for it."""
    if item.get_closest_marker("browser"):
        try:
            chromium()
        except NoBrowser as reason:
            pytest.skip(str(reason))


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what collecting the tests has made: it stays to the end anyway."""
    gc.collect()
    gc.freeze()


REAL_SYSTEMS = {
    "samba": "a real Samba domain controller",
    "openbao": "a real bao or vault",
    "prefect": "a real Prefect server",
    "browser": "a real Chromium",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line each how many tests ran on the real systems, or why none did."""
    for marker, system in REAL_SYSTEMS.items():
        ran = [
            report
            for outcome in ("passed", "failed")
            for report in terminalreporter.stats.get(outcome, [])
            if marker in report.keywords and report.when == "call"
        ]
        skipped = [
            report
            for report in terminalreporter.stats.get("skipped", [])
            if marker in report.keywords
        ]
        if ran:
            terminalreporter.write_line(f"{marker}: {len(ran)} tests ran on {system}")
        elif skipped:
            why = str(skipped[0].longrepr[2] if isinstance(skipped[0].longrepr, tuple) else "")
            terminalreporter.write_line(
                f"{marker}: {len(skipped)} tests skipped ({why.removeprefix('Skipped: ').removeprefix(f'{marker}: ')})"
            )
