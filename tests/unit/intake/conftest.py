"""Keys made for each test."""

from __future__ import annotations

import base64
import secrets

import pytest


@pytest.fixture
def new_key() -> str:
    """Return a new webhook key."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@pytest.fixture
def other_key() -> str:
    """Return another one."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
