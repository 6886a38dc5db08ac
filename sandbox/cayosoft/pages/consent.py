"""The application consent of a Microsoft 365 connection: find the app, sign in, answer the prompt, look."""

from __future__ import annotations

from sandbox.cayosoft.console import M365
from sandbox.cayosoft.pages.frame import SETTINGS, Frame, Visit, settings_path
from sandbox.cayosoft.pages.sessions import Prompt
from sandbox.cayosoft.problems import DirectoryRefused, NotThere
from sandbox.cayosoft.records import Login
from sandbox.standin.http import Response, redirect


class ConsentPages:
    """Routes of the consent. The person's own sign-in is kept until the prompt is answered or left."""

    def __init__(self, frame: Frame) -> None:
        self._frame, self._console = frame, frame.console
        frame.act(f"{SETTINGS}/refresh", "page.refresh", self._refresh, "settings")
        frame.look(f"{SETTINGS}/tenant-sign-in", "page.tenant_sign_in.form", self._sign_in_form)
        frame.act(
            f"{SETTINGS}/tenant-sign-in", "page.tenant_sign_in", self._sign_in, "tenant-sign-in"
        )
        frame.look(f"{SETTINGS}/permissions", "page.prompt", self._prompt)
        frame.act(f"{SETTINGS}/permissions", "page.accept", self._accept, "permissions")

    def _refresh(self, visit: Visit) -> Response:
        row = _row(visit)
        section = self._console.consent(row)
        return redirect(_settings(visit), status=section.status, collecting=section.collecting)

    def _sign_in_form(self, visit: Visit) -> Response:
        row = self._console.row(M365, _row(visit))
        return self._frame.show("tenant_sign_in.html", visit.session, row=row)

    def _sign_in(self, visit: Visit) -> Response:
        """Sign in, find or register the app, and open the prompt."""
        row, again = _row(visit), f"{_settings(visit)}/tenant-sign-in"
        person = Login(visit.form.get("account", "").strip(), visit.form.get("password", ""))
        if not person.account or not person.password:
            visit.session.say("Enter the account and the password.")
            return redirect(again)
        try:
            app_id, app, new = self._console.find_or_register_app(row, person)
            prompt, permissions, _ = self._console.open_prompt(row, person)
        except DirectoryRefused as refused:
            visit.session.say(f"{person.account} was refused: {refused.code}")
            return redirect(again, account=person.account, code=refused.code)
        visit.desk.prompt = Prompt(prompt, app, permissions, person)
        done = "was registered" if new else "was found"
        visit.session.say(f"{app} {done}.", good=True)
        return redirect(
            f"{_settings(visit)}/permissions", account=person.account, appId=app_id, new=new
        )

    def _prompt(self, visit: Visit) -> Response:
        if visit.desk.prompt is None:
            return redirect(f"{_settings(visit)}/tenant-sign-in")
        row = self._console.row(M365, _row(visit))
        return self._frame.show(
            "permissions.html", visit.session, row=row, prompt=visit.desk.prompt
        )

    def _accept(self, visit: Visit) -> Response:
        prompt, ticked = visit.desk.prompt, "organization" in visit.form
        if prompt is None:
            return redirect(f"{_settings(visit)}/tenant-sign-in")
        visit.desk.prompt = None
        self._console.accept(prompt.id, ticked, prompt.person)
        return redirect(
            _settings(visit), account=prompt.person.account, onBehalfOfOrganization=ticked
        )


def _row(visit: Visit) -> str:
    """Return the row of a page that only Microsoft 365 has."""
    if visit.request.params["extension"] != M365:
        raise NotThere(visit.request.params["extension"])
    return visit.request.params["row"]


def _settings(visit: Visit) -> str:
    return settings_path(M365, _row(visit))
