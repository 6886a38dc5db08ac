"""The settings page of an extension, and the dialog behind its selector."""

from __future__ import annotations

from sandbox.cayosoft.console import M365
from sandbox.cayosoft.pages.frame import SETTINGS, Frame, Visit, settings_path
from sandbox.cayosoft.pages.sessions import Place
from sandbox.cayosoft.records import Login
from sandbox.standin.http import Response, redirect

_LONGEST_ACCOUNT, _LONGEST_PASSWORD = 256, 4096
_DIALOG = f"{SETTINGS}/credentials"


class Settings:
    """Routes of the settings pages. A dialog's password stays in the session until it is saved or left."""

    def __init__(self, frame: Frame) -> None:
        self._frame, self._console = frame, frame.console
        frame.look(SETTINGS, "page.settings", self._settings)
        frame.act(f"{SETTINGS}/select", "page.select", self._select, "settings")
        frame.act(f"{SETTINGS}/save", "page.save", self._save, "settings")
        frame.act(f"{SETTINGS}/check-settings", "page.check", self._check, "settings")
        frame.look(_DIALOG, "page.dialog", self._dialog)
        frame.act(f"{_DIALOG}/validate", "page.validate", self._validate, "dialog")
        frame.act(f"{_DIALOG}/ok", "page.ok", self._ok, "dialog")

    def _settings(self, visit: Visit) -> Response:
        visit.desk.typed, visit.desk.validated, visit.desk.prompt = None, False, None
        extension, row = _place(visit)
        return self._frame.show(
            "settings.html",
            visit.session,
            row=self._console.row(extension, row),
            enabled=self._console.store.enabled(extension),
            seen=self._console.seen(row) if extension == M365 else None,
        )

    def _select(self, visit: Visit) -> Response:
        self._keep_tick(visit)
        return redirect(f"{settings_path(*_place(visit))}/credentials")

    def _save(self, visit: Visit) -> Response:
        self._keep_tick(visit)
        desk, (extension, row) = visit.desk, _place(visit)
        if not desk.unsaved:
            visit.session.say("There was nothing to save.")
        else:
            if desk.enabled is not None:
                self._console.store.set_enabled(extension, desk.enabled)
            if desk.draft is not None:
                self._enter(visit, desk.draft)
            visit.session.say("Saved.", good=True)
        desk.draft = desk.enabled = desk.checked = None
        return redirect(
            settings_path(extension, row), account=self._console.row(extension, row).account
        )

    def _check(self, visit: Visit) -> Response:
        self._keep_tick(visit)
        place = _place(visit)
        account = self._console.row(*place).account
        screen = self._console.check_settings(*place)
        visit.desk.checked = (self._console.now(), account, screen)
        return redirect(settings_path(*place), ok=screen.ok, messages=screen.messages)

    def _dialog(self, visit: Visit) -> Response:
        extension, row = _place(visit)
        desk = visit.desk
        shown = desk.typed or desk.draft
        account = shown.account if shown else self._console.row(extension, row).account
        return self._frame.show(
            "dialog.html", visit.session, extension=extension, row=row, account=account
        )

    def _validate(self, visit: Visit) -> Response:
        dialog = f"{settings_path(*_place(visit))}/credentials"
        login = self._typed(visit)
        if login is None:
            return redirect(dialog)
        desk = visit.desk
        desk.typed, desk.validated = login, False
        screen = self._console.try_out(M365, login)
        desk.validated = screen.ok
        for message in screen.messages:
            visit.session.say(message, good=screen.ok)
        return redirect(dialog, ok=screen.ok, account=login.account)

    def _ok(self, visit: Visit) -> Response:
        place, desk = _place(visit), visit.desk
        dialog = f"{settings_path(*place)}/credentials"
        login = self._typed(visit)
        if login is None:
            return redirect(dialog)
        if place[0] == M365 and not (desk.validated and login == desk.typed):
            desk.typed, desk.validated = login, False
            visit.session.say("Choose Validate first: OK takes what was validated.")
            return redirect(dialog)
        if place[0] == M365 and self._frame.labels.ok_saves:
            self._enter(visit, login)
            desk.draft = desk.checked = None
            visit.session.say(
                f"Saved. Now connect to the tenant again: {self._frame.labels.find_app}.", good=True
            )
        else:
            desk.draft = login
        return redirect(settings_path(*place), account=login.account)

    def _enter(self, visit: Visit, login: Login) -> None:
        """Save a credential as a person does: no key and no label, whatever the revision was."""
        extension, row = _place(visit)
        self._console.store.put(extension, row, login, None, self._console.now())

    def _typed(self, visit: Visit) -> Login | None:
        """Return what the dialog holds; an empty password is the one that was typed before."""
        account, password = visit.form.get("account", "").strip(), visit.form.get("password", "")
        before = visit.desk.typed
        if not password and before and before.account == account:
            return before
        if not account or not password:
            visit.session.say("Enter the user and the password.")
            return None
        if len(account) > _LONGEST_ACCOUNT or len(password) > _LONGEST_PASSWORD:
            visit.session.say(
                f"A user has at most {_LONGEST_ACCOUNT} characters, a password {_LONGEST_PASSWORD}."
            )
            return None
        return Login(account, password)

    def _keep_tick(self, visit: Visit) -> None:
        """Remember how "Extension is enabled" is ticked, when that is not how it is saved."""
        ticked, (extension, _) = "enabled" in visit.form, _place(visit)
        saved = self._console.store.enabled(extension)
        visit.desk.enabled = None if ticked == saved else ticked


def _place(visit: Visit) -> Place:
    return visit.request.params["extension"], visit.request.params["row"]
