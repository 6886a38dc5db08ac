"""What a token may do in a container, with what is in it, and below it. Pure, no directory needed.

A right on objects that do not exist yet is judged on the entries that such an object would get: its class's
default ones, then those inherited from the container. So is a right further down, on a new organizational
unit and on what would be created in it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from connectors.active_directory import security_descriptor as sd
from connectors.active_directory.models import Right
from connectors.active_directory.security_descriptor import Ace, Dacl, Verdict
from connectors.models import Presence

CLASSES: Mapping[str, uuid.UUID] = {
    "user": sd.CLASS_USER,
    "contact": uuid.UUID("5cb41ed0-0e4c-11d0-a286-00aa003049e2"),
    "group": uuid.UUID("bf967a9c-0de6-11d0-a285-00aa003049e2"),
    "computer": uuid.UUID("bf967a86-0de6-11d0-a285-00aa003049e2"),
    "organizationalUnit": uuid.UUID("bf967aa5-0de6-11d0-a285-00aa003049e2"),
}
"""Classes by their name in LDAP, with the GUID that permissions know them by."""

# An attribute and the property set that it belongs to: a right may be given under either.
_DESCRIPTION = frozenset({
    uuid.UUID("bf967950-0de6-11d0-a285-00aa003049e2"),
    uuid.UUID("e48d0154-bcf8-11d1-8702-00c04fb96050"),
})  # fmt: skip
_PASSWORD_LAST_SET = frozenset({
    uuid.UUID("bf967a0a-0de6-11d0-a285-00aa003049e2"),
    uuid.UUID("4c164200-20c0-11d0-a768-00aa006e0529"),
})  # fmt: skip
_MEMBER = frozenset({
    uuid.UUID("bf9679c0-0de6-11d0-a285-00aa003049e2"),
    uuid.UUID("bc0ac240-79a9-11d0-9020-00c04fc2d4cf"),
})  # fmt: skip
RESET = frozenset({sd.RESET_PASSWORD})

Token = AbstractSet[str]

RANK = {Presence.PRESENT: 0, Presence.UNTOLD: 1, Presence.MISSING: 2}
"""From the best answer to the worst."""


@dataclass(frozen=True, slots=True)
class Place:
    """A container's entries, and the default entries of the classes by their LDAP names."""

    dacl: Dacl
    defaults: Mapping[str, tuple[Ace, ...]]

    def on_container(self, token: Token, bit: int, of_class: str | None = None) -> Verdict:
        """Judge a right on the container: on its children of a class, or on all that it holds itself."""
        if self.dacl.everything:
            return Verdict(Presence.PRESENT)
        accepted = None if of_class is None else frozenset({CLASSES[of_class]})
        return sd.decide(self.dacl.aces, token, bit, accepted)

    def on_new(
        self, token: Token, of_class: str, bit: int, parts: AbstractSet[uuid.UUID] | None
    ) -> Verdict:
        """Judge a right on a new object of a class; ``parts`` None asks for all of its attributes."""
        return sd.decide(self._entries_of_new(of_class), token, bit, parts)

    def below(self) -> Place:
        """Return a new organizational unit in the container."""
        return Place(Dacl(self._entries_of_new("organizationalUnit")), self.defaults)

    def _entries_of_new(self, of_class: str) -> tuple[Ace, ...]:
        inherited = sd.inherited_by_child(self.dacl, CLASSES[of_class])
        return self.defaults.get(of_class, ()) + inherited


Question = Callable[[Place, Token], Verdict]


def either(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the best of several: one is enough."""
    return min(verdicts, key=lambda one: RANK[one.presence])


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of several: each is needed."""
    return max(verdicts, key=lambda one: RANK[one.presence])


def _create(of_class: str) -> Question:
    return lambda place, token: place.on_container(token, sd.CREATE_CHILD, of_class)


def _delete(of_class: str) -> Question:
    """Deleting takes DELETE on the object, or DELETE_CHILD for its class on the container."""

    def judge(place: Place, token: Token) -> Verdict:
        on_it = place.on_new(token, of_class, sd.DELETE, frozenset())
        as_child = place.on_container(token, sd.DELETE_CHILD, of_class)
        # The entry to be told of is the one that stands in the way on the object itself.
        denied = on_it.by is not None and on_it.presence is Presence.MISSING
        return either((on_it, as_child) if denied else (as_child, on_it))

    return judge


def _on_new(of_class: str, bit: int, parts: AbstractSet[uuid.UUID] | None) -> Question:
    return lambda place, token: place.on_new(token, of_class, bit, parts)


def _read_everything(place: Place, token: Token) -> Verdict:
    """Read the container and list it, and read what is in it; users have a right of their own."""
    return all_of((
        place.on_container(token, sd.READ_PROPERTY),
        place.on_container(token, sd.LIST_CHILDREN),
        *(place.on_new(token, kind, sd.READ_PROPERTY, None) for kind in CLASSES if kind != "user"),
    ))  # fmt: skip


QUESTIONS: Mapping[Right, Question] = {
    Right.CREATE_USER: _create("user"),
    Right.DELETE_USER: _delete("user"),
    Right.RESET_PASSWORD: _on_new("user", sd.CONTROL_ACCESS, RESET),
    # The attribute that validation changes.
    Right.WRITE_ATTRIBUTES: _on_new("user", sd.WRITE_PROPERTY, _DESCRIPTION),
    Right.MANAGE_USER: _on_new("user", sd.WRITE_PROPERTY, None),
    Right.FORCE_CHANGE: _on_new("user", sd.WRITE_PROPERTY, _PASSWORD_LAST_SET),
    Right.READ_USER: _on_new("user", sd.READ_PROPERTY, None),
    Right.CHANGE_MEMBERS: _on_new("group", sd.WRITE_PROPERTY, _MEMBER),
    Right.CREATE_CONTACT: _create("contact"),
    Right.DELETE_CONTACT: _delete("contact"),
    Right.CREATE_GROUP: _create("group"),
    Right.DELETE_GROUP: _delete("group"),
    Right.CREATE_COMPUTER: _create("computer"),
    Right.DELETE_COMPUTER: _delete("computer"),
    Right.READ_EVERYTHING: _read_everything,
}

CREATED_CLASS: Mapping[Right, str] = {
    Right.CREATE_USER: "user",
    Right.CREATE_CONTACT: "contact",
    Right.CREATE_GROUP: "group",
    Right.CREATE_COMPUTER: "computer",
}
"""Rights that the directory's own list of classes tells as well."""

DELETED_CLASS: Mapping[Right, str] = {
    Right.DELETE_USER: "user",
    Right.DELETE_CONTACT: "contact",
    Right.DELETE_GROUP: "group",
    Right.DELETE_COMPUTER: "computer",
}
