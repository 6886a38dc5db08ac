"""What can go wrong in the console, apart from how it is said over HTTP or on a page."""

from __future__ import annotations


class ConsoleProblem(Exception):
    """Base; ``args`` hold identifiers only, never a secret."""


class NotThere(ConsoleProblem):
    """No such extension, row, draft or permission request."""


class Stale(ConsoleProblem):
    """Somebody saved the row in between."""


class DraftExpired(ConsoleProblem):
    """The draft was left alone for too long, and its password is gone."""


class Wrong(ConsoleProblem):
    """The member named ``field`` is missing or wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class DirectoryRefused(ConsoleProblem):
    """AD or Entra said no; ``code`` is its own."""

    def __init__(self, code: str, subject: str = "") -> None:
        super().__init__(code)
        self.code, self.subject = code, subject


class DirectorySilent(ConsoleProblem):
    """AD or Entra gave no answer: what was asked may have happened."""
