"""Fixtures: a domain with a few accounts, and the controller that a module's tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.sandbox.samba.domain import Config, Running


@pytest.fixture(scope="module")
def config(authority: Authority, new_password: Callable[[], str], samba_golden: Path) -> Config:
    """Return a domain with accounts in every state, and two delegations."""
    certificate, key = authority.issue("dc1", "dc1.corp.example.test")
    home = "OU=Service Accounts"
    return {
        "port": 0,
        "tls": {"cert": str(certificate), "key": str(key)},
        "ca_file": str(authority.ca_file),
        "golden": str(samba_golden),
        "domain": "corp.example.test",
        "netbios": "CORP",
        "administrator": {"username": "Administrator", "password": new_password()},
        "organizational_units": [home, "OU=Validation"],
        "users": [
            {"username": "svc-full", "password": new_password(), "container": home},
            {"username": "svc-reset", "password": new_password(), "container": home},
            {"username": "svc-off", "password": new_password(), "container": home, "enabled": False},
            {"username": "svc-new", "password": new_password(), "container": home, "must_change": True},
        ],
        "delegations": [
            {
                "trustee": "svc-full",
                "container": "OU=Validation",
                "rights": ["create users", "reset passwords", "write user attributes", "delete users"],
            },
            {"trustee": "svc-reset", "container": "OU=Validation", "rights": ["reset passwords"]},
        ],
        "lockout_threshold": 3,
        "lockout_window": 600,
        "lockout_duration": 600,
        "min_password_length": 10,
    }  # fmt: skip


@pytest.fixture(scope="module")
def running(config: Config) -> Iterator[Running]:
    """Start the domain controller that the tests of this module share."""
    with StandIn.start("sandbox.samba", config) as standin:
        yield Running(standin, config)
