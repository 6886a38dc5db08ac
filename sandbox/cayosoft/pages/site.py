"""All pages of one console."""

from __future__ import annotations

from sandbox.cayosoft.bridge import Service
from sandbox.cayosoft.console import Console
from sandbox.cayosoft.pages.consent import ConsentPages
from sandbox.cayosoft.pages.entrance import Entrance
from sandbox.cayosoft.pages.frame import Frame, Visit
from sandbox.cayosoft.pages.sessions import Sessions
from sandbox.cayosoft.pages.settings import Settings
from sandbox.cayosoft.problems import NotThere
from sandbox.standin.http import App, Response


def open_pages(app: App, console: Console, sessions: Sessions, service: Service) -> None:
    """Add the pages to a server."""
    frame = Frame(app, console, sessions, service)
    Entrance(frame)
    Settings(frame)
    ConsentPages(frame)
    # Last: whatever no route before it knows.
    frame.look("/console/{anything:path}", "page.unknown", _nothing, configuration=False)


def _nothing(_visit: Visit) -> Response:
    raise NotThere
