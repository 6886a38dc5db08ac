"""What every page has in common: template, headers, who may see it, where it leads when something is refused."""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sandbox.cayosoft.bridge import Service
from sandbox.cayosoft.console import AD, M365, Console
from sandbox.cayosoft.pages.labels import labels_of
from sandbox.cayosoft.pages.sessions import Desk, Place, Session, Sessions
from sandbox.cayosoft.problems import ConsoleProblem, DirectoryRefused, DirectorySilent, NotThere
from sandbox.cayosoft.sign_in import NEEDED_ROLE
from sandbox.standin.http import App, Handler, Request, Response, redirect

HOME, SIGN_IN = "/console/", "/console/sign-in"
SETTINGS = "/console/extensions/{extension}/{row}"
EXTENSION_NAMES = {AD: "Active Directory", M365: "Microsoft 365"}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass
class Visit:
    """One request of somebody who has signed in."""

    request: Request
    session: Session
    form: dict[str, str]

    @property
    def place(self) -> Place | None:
        """The settings page that the request is about, if any."""
        params = self.request.params
        return (params["extension"], params["row"]) if "extension" in params else None

    @property
    def desk(self) -> Desk:
        """What lies open there."""
        return self.session.desk


Page = Callable[[Visit], Response]


class Frame:
    """Renders pages and guards their routes. The journal gets the person's account and no form."""

    def __init__(self, app: App, console: Console, sessions: Sessions, service: Service) -> None:
        self.app, self.console, self.sessions, self.service = app, console, sessions, service
        self.labels = labels_of(service.product_version)
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["clock"] = _clock
        self._templates.globals.update(
            service=service,
            labels=self.labels,
            needed_role=NEEDED_ROLE,
            extension_names=EXTENSION_NAMES,
            AD=AD,
            M365=M365,
        )

    def look(self, path: str, name: str, page: Page, *, configuration: bool = True) -> None:
        """Add a page to look at."""
        self.app.route("GET", path, name)(self._guarded(page, None, configuration))

    def act(
        self, path: str, name: str, page: Page, form: str, *, configuration: bool = True
    ) -> None:
        """Add what a button does; ``form`` names the form that the button is in."""
        self.app.route("POST", path, name)(self._guarded(page, form, configuration))

    def show(self, template: str, session: Session, status: int = 200, **more: Any) -> Response:
        """Render a page for somebody."""
        page = self._templates.get_template(template).render(
            session=session,
            rows=self.console.store.rows(),
            notices=session.heard(),
            place=session.desk.place,
            settings=settings_path,
            **more,
        )
        note = {"person": session.person.account} if session.person else {}
        headers = dict(_HEADERS)
        return Response(status, page, "text/html; charset=utf-8", headers, note)

    def refuse(self, session: Session, status: int, title: str, text: str) -> Response:
        """Render the page that says why there is no other one."""
        return self.show("refused.html", session, status, title=title, text=text)

    def tokens_match(self, session: Session, form: str, given: str) -> bool:
        """Say whether a form was made for this session."""
        return hmac.compare_digest(session.token(form).encode(), given.encode())

    def _guarded(self, page: Page, form: str | None, configuration: bool) -> Handler:
        def guarded(request: Request) -> Response:
            session = self.sessions.find(request.cookies())
            if session is None or session.person is None:
                return self._to_sign_in(request, session)
            with session.lock:
                if configuration and not session.person.sees_configuration:
                    return self.refuse(
                        session, 403, "Not for your product role",
                        f"Only {NEEDED_ROLE} see the Configuration node. Your role is {session.person.product_role}.",
                    )  # fmt: skip
                return self._carry_out(page, request, session, form)

        return guarded

    def _carry_out(
        self, page: Page, request: Request, session: Session, form: str | None
    ) -> Response:
        try:
            filled = request.form() if form else {}
        except UnicodeDecodeError:
            return self.refuse(session, 400, "That is no form", "Go back and try again.")
        if form and not self.tokens_match(session, form, filled.get("token", "")):
            return self.refuse(
                session, 403, "This form is out of date", "Go back, load the page anew, try again."
            )
        visit = Visit(request, session, filled)
        try:
            session.at(self._existing(visit.place))
            return page(visit)
        except NotThere:
            return self.refuse(session, 404, "Not found", "There is no such page in this console.")
        except ConsoleProblem as trouble:
            session.say(told(trouble))
            return redirect(settings_path(*visit.place) if visit.place else HOME)

    def _existing(self, place: Place | None) -> Place | None:
        if place:
            self.console.row(*place)
        return place

    def _to_sign_in(self, request: Request, session: Session | None) -> Response:
        session = session or self.sessions.open()
        if request.method == "GET":
            session.wanted = quote(request.path)
        answer = redirect(SIGN_IN)
        answer.headers |= self.sessions.set_cookie(session)
        return answer


def settings_path(extension: str, row: str) -> str:
    """Return the address of a settings page."""
    return SETTINGS.format(extension=quote(extension, safe=""), row=quote(row, safe=""))


def told(trouble: ConsoleProblem) -> str:
    """Return what a page says about a trouble with a directory."""
    if isinstance(trouble, DirectoryRefused):
        return f"Refused: {trouble.code}."
    if isinstance(trouble, DirectorySilent):
        return "No answer. What was asked may have happened; look before you try again."
    return "That is not possible here."


def _clock(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%H:%M:%S UTC")
