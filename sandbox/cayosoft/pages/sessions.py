"""Who sits at the console pages, and what lies open before them: in memory only, gone with the process."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.cayosoft.console import Screen
from sandbox.cayosoft.problems import NotThere
from sandbox.cayosoft.records import Login
from sandbox.cayosoft.sign_in import NEEDED_ROLE

IDLE = 1800.0  # seconds
Place = tuple[str, str]  # extension and row


@dataclass
class ConsoleAccount:
    """Somebody who may open the console."""

    account: str
    password: str = field(repr=False)
    product_role: str = NEEDED_ROLE

    @property
    def sees_configuration(self) -> bool:
        """Whether the product role shows the Configuration node."""
        return self.product_role == NEEDED_ROLE


@dataclass(frozen=True)
class Notice:
    """One line that the next page shows."""

    text: str
    good: bool = False


@dataclass(frozen=True)
class Prompt:
    """The permission prompt, open in the browser of the person who has signed in to the tenant."""

    id: str
    app: str
    permissions: tuple[str, ...]
    person: Login


@dataclass
class Desk:
    """What lies open on one settings page. Leaving the page throws it away, with every password in it."""

    place: Place | None = None
    typed: Login | None = None  # in the dialog
    validated: bool = False
    draft: Login | None = None  # the dialog was left with OK, the page is not saved
    enabled: bool | None = None  # "Extension is enabled" as ticked, not saved
    checked: tuple[float, str, Screen] | None = None  # when, which account, what the screen says
    prompt: Prompt | None = None

    @property
    def unsaved(self) -> bool:
        """Whether a change would be lost by leaving the page."""
        return self.draft is not None or self.enabled is not None


@dataclass
class Session:
    """One browser. Without an account it is on its way to sign in."""

    id: str
    seen_at: float
    person: ConsoleAccount | None = None
    desk: Desk = field(default_factory=Desk, repr=False)
    notices: list[Notice] = field(default_factory=list)
    wanted: str = "/console/"
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def token(self, form: str) -> str:
        """Return the token that a form of this session carries."""
        return hmac.new(self._key, form.encode(), hashlib.sha256).hexdigest()

    def at(self, place: Place | None) -> Desk:
        """Come to a place, or to none; what lay open at another one is lost."""
        if self.desk.place != place:
            if self.desk.unsaved:
                self.notices.append(Notice("The unsaved changes of the page before were lost."))
            self.desk = Desk(place)
        return self.desk

    def say(self, text: str, *, good: bool = False) -> None:
        """Let the next page show a line."""
        self.notices.append(Notice(text, good))

    def heard(self) -> list[Notice]:
        """Return the lines to show, each once."""
        said, self.notices = self.notices, []
        return said


class Sessions:
    """Every session of one console. Times are seconds."""

    def __init__(
        self, service: str, accounts: Iterable[dict[str, Any]], now: Callable[[], float]
    ) -> None:
        self.accounts = [ConsoleAccount(**account) for account in accounts]
        # Cookies do not know ports: consoles side by side on one address need names of their own.
        self.cookie = f"__Host-console-{re.sub('[^A-Za-z0-9_-]', '-', service)}"
        self._now = now
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def account(self, name: str, password: str) -> ConsoleAccount | None:
        """Return the account of somebody who signs in, or None."""
        for known in self.accounts:
            if known.account.casefold() == name.casefold():
                right = hmac.compare_digest(known.password.encode(), password.encode())
                return known if right else None
        return None

    def set_role(self, name: str, role: str) -> None:
        """Give an account another product role, at once; raise NotThere for one that is not known."""
        for known in self.accounts:
            if known.account == name:
                known.product_role = role
                return
        raise NotThere(name)

    def open(self, person: ConsoleAccount | None = None) -> Session:
        """Begin a session."""
        with self._lock:
            oldest = self._now() - IDLE
            self._sessions = {k: s for k, s in self._sessions.items() if s.seen_at > oldest}
            session = Session(secrets.token_urlsafe(32), self._now(), person)
            self._sessions[session.id] = session
            return session

    def find(self, cookies: dict[str, str]) -> Session | None:
        """Return the session of a request; None when there is none, or nobody used it for too long."""
        with self._lock:
            session = self._sessions.get(cookies.get(self.cookie, ""))
            if session is None or session.seen_at <= self._now() - IDLE:
                return None
            session.seen_at = self._now()
            return session

    def end(self, session: Session) -> None:
        """End a session and forget what lay open in it."""
        with self._lock:
            self._sessions.pop(session.id, None)

    def set_cookie(self, session: Session) -> dict[str, str]:
        """Return the header that hands the session to the browser."""
        return {
            "Set-Cookie": f"{self.cookie}={session.id}; Path=/; Secure; HttpOnly; SameSite=Strict"
        }
