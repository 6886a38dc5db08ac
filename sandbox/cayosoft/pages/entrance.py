"""The way in: signing in and out, Home, and the list of extensions."""

from __future__ import annotations

from pathlib import Path

from sandbox.cayosoft.pages.frame import HOME, SIGN_IN, Frame, Visit
from sandbox.standin.http import Handler, Request, Response, redirect

_FILES = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
_FOLDER = Path(__file__).parent


class Entrance:
    """Routes that do not change the console."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        app = frame.app
        app.route("GET", "/", "page.root")(lambda _: redirect(HOME))
        app.route("GET", "/console", "page.root")(lambda _: redirect(HOME))
        for name, kind in _FILES.items():
            app.route("GET", f"/console/{name}", "page.file")(_file(name, kind))
        app.route("GET", SIGN_IN, "page.sign_in.form")(self._form)
        app.route("POST", SIGN_IN, "page.sign_in")(self._sign_in)
        frame.act(
            "/console/sign-out", "page.sign_out", self._sign_out, "sign-out", configuration=False
        )
        frame.look(HOME, "page.home", self._home, configuration=False)
        frame.look("/console/configuration", "page.configuration", self._configuration)
        frame.look("/console/extensions", "page.extensions", self._extensions)

    def _form(self, request: Request) -> Response:
        session = self._frame.sessions.find(request.cookies())
        if session and session.person:
            return redirect(HOME)
        session = session or self._frame.sessions.open()
        page = self._frame.show("sign_in.html", session)
        page.headers |= self._frame.sessions.set_cookie(session)
        return page

    def _sign_in(self, request: Request) -> Response:
        sessions = self._frame.sessions
        before = sessions.find(request.cookies())
        try:
            form = request.form()
        except UnicodeDecodeError:
            form = {}
        if before is None or not self._frame.tokens_match(before, "sign-in", form.get("token", "")):
            session = before or sessions.open()
            session.say("This form was out of date. Sign in again.")
            answer = redirect(SIGN_IN)
            answer.headers |= sessions.set_cookie(session)
            return answer
        name = form.get("account", "").strip()
        person = sessions.account(name, form.get("password", ""))
        if person is None:
            before.say("The account or the password is wrong.")
            return redirect(SIGN_IN)
        sessions.end(before)
        answer = redirect(before.wanted, person=person.account, productRole=person.product_role)
        answer.headers |= sessions.set_cookie(sessions.open(person))
        return answer

    def _sign_out(self, visit: Visit) -> Response:
        self._frame.sessions.end(visit.session)
        return redirect(SIGN_IN)

    def _home(self, visit: Visit) -> Response:
        return self._frame.show("home.html", visit.session)

    def _configuration(self, visit: Visit) -> Response:
        return self._frame.show("configuration.html", visit.session)

    def _extensions(self, visit: Visit) -> Response:
        enabled = self._frame.console.store.enabled
        return self._frame.show("extensions.html", visit.session, enabled=enabled)


def _file(name: str, kind: str) -> Handler:
    content = (_FOLDER / name).read_bytes()
    headers = {"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"}
    return lambda _: Response(200, content, kind, headers)
