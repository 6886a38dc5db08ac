"""A console with its systems, for every test of its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sandbox.standin.tls import Authority
from tests.contracts.cayosoft.lab import Lab, running


@pytest.fixture(scope="package")
def pages_lab(
    authority: Authority,
    new_password: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """Return a console whose app is not registered yet, with its systems."""
    folder = tmp_path_factory.mktemp("pages")
    with running(authority, folder, new_password, registered=False) as lab:
        yield lab


@pytest.fixture
def lab(pages_lab: Lab) -> Lab:
    """Return the console, and everything as at its beginning."""
    pages_lab.reset()
    pages_lab.console.do(
        "set_console_role",
        account=pages_lab.console_account["account"],
        role="Global Administrators",
    )
    return pages_lab
