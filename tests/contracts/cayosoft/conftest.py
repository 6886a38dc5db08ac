"""One console for the session, brought back to the beginning before every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.cayosoft.bridge import BridgeConsole
from sandbox.standin.tls import Authority
from tests.contracts.cayosoft.lab import Lab, running


@pytest.fixture(scope="session")
def _lab(
    authority: Authority,
    new_password: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    with running(authority, tmp_path_factory.mktemp("console"), new_password) as lab:
        yield lab


@pytest.fixture
def lab(_lab: Lab) -> Lab:
    """Return the console with everything in step."""
    _lab.reset()
    return _lab


@pytest.fixture
def console(lab: Lab) -> Iterator[BridgeConsole]:
    """Return a new driver of the console."""
    driver = lab.driver()
    yield driver
    driver.close()


@pytest.fixture
def unregistered(
    authority: Authority, new_password: Callable[[], str], tmp_path: Path
) -> Iterator[Lab]:
    """Return a console whose tenant does not have the app yet."""
    with running(authority, tmp_path, new_password, registered=False) as lab:
        yield lab
