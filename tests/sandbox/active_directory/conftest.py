"""The directories that the tests of this folder run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.samba import available
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.sandbox.active_directory.lab import Lab, configuration, passwords_of

REAL = pytest.param(
    "sandbox.samba",
    id="samba",
    marks=[
        pytest.mark.samba,
        pytest.mark.skipif(available() is not None, reason=f"samba: {available()}"),
    ],
)


@pytest.fixture(
    scope="session", params=[pytest.param("sandbox.active_directory", id="stand-in"), REAL]
)
def lab(
    request: pytest.FixtureRequest,
    authority: Authority,
    new_password: Callable[[], str],
    samba_golden: Path,
) -> Iterator[Lab]:
    """Return a directory that every test shares: the stand-in, then a real one."""
    certificate = authority.issue("dc1", "dc1.corp.example.test")
    ca_file = str(authority.ca_file)
    config = configuration(certificate, new_password, ca_file=ca_file, golden=str(samba_golden))
    with StandIn.start(request.param, config) as standin:
        real = request.param == "sandbox.samba"
        lab = Lab(standin, ca_file, passwords_of(config), new_password, real)
        yield lab
        lab.close()


@pytest.fixture
def own(authority: Authority, new_password: Callable[[], str]) -> Iterator[Lab]:
    """Return a stand-in of the test's own, to break and to wind forward."""
    certificate = authority.issue("dc1", "dc1.corp.example.test")
    config = configuration(certificate, new_password)
    with StandIn.start("sandbox.active_directory", config) as standin:
        lab = Lab(standin, str(authority.ca_file), passwords_of(config), new_password)
        yield lab
        lab.close()
