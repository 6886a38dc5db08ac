"""The app without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.intake.sending import App

StartApp = Callable[..., App]


@pytest.fixture
def start_app(tmp_path: Path) -> Iterator[StartApp]:
    """Return a function that makes an app with other rules or limits."""
    with ExitStack() as stack:

        def start(**choices: Any) -> App:
            app = App(tmp_path, **choices)
            stack.callback(app.close)
            return app

        yield start


@pytest.fixture
def app(start_app: StartApp) -> App:
    """Return an app as everybody has it."""
    return start_app()
