"""The flows of this folder run without Prefect, and at the end it is said how much they did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.laws.saga.runner import without_prefect


@pytest.fixture(autouse=True, scope="module")
def plain_flows() -> Iterator[None]:
    """Let the flows run as plain functions."""
    with without_prefect():
        yield
