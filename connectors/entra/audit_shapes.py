"""The shapes of the directory's audit log."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from connectors.entra.shapes import Shape


class Actor(Shape):
    """A user or an application that did something."""

    upn: str | None = Field(default=None, alias="userPrincipalName")
    name: str | None = Field(default=None, alias="displayName")


class InitiatedBy(Shape):
    """Who did what an audit entry tells; one of the two."""

    user: Actor | None = None
    app: Actor | None = None

    def name(self) -> str:
        """Return a user's UPN, else the name of the application."""
        actor = self.user or self.app or Actor()
        return actor.upn or actor.name or "somebody whom the log does not name"


class Modified(Shape):
    """One property of an audit entry; the value is JSON within JSON."""

    name: str | None = Field(default=None, alias="displayName")
    value: str | None = Field(default=None, alias="newValue")


class Target(Shape):
    """What an audit entry is about."""

    id: str | None = None
    modified: tuple[Modified, ...] | None = Field(default=None, alias="modifiedProperties")

    def said(self, name: str) -> bool | None:
        """Return what a property says, or None when it says neither."""
        for item in self.modified or ():
            if item.name == name and item.value is not None:
                return {"true": True, "false": False}.get(item.value.strip('"').casefold())
        return None


class Audit(Shape):
    """One entry of the directory's audit log."""

    at: datetime = Field(alias="activityDateTime")
    result: str = ""
    by: InitiatedBy = Field(alias="initiatedBy")
    targets: tuple[Target, ...] = Field(alias="targetResources")
