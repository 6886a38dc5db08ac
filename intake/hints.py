"""What a message may say: that a secret at some mount and path has a new version. Never what it is.

A message is a hint and nothing more: whoever acts on it reads Vault first. Anything that is not known
here is refused, so that a sender who puts a value into a message finds out on the first try.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
)

from connectors.errors import InvalidInput
from connectors.vault.settings import is_plain_path

LARGEST_VERSION = 2**53
"""A static role's version is the moment of its rotation in milliseconds; JSON numbers end here."""

VALUES = frozenset(
    {
        "password", "passwd", "pwd", "secret", "value", "values", "credential", "credentials",
        "new_password", "old_password", "token", "secret_id", "private_key",
    }
)  # fmt: skip
"""Names of fields under which a sender might hand over a value."""


class Source(StrEnum):
    """Who brought a hint."""

    WEBHOOK = "webhook"
    EVENT = "vault-event"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Hint:
    """A secret that is said to have a new version; ``version`` None when the message does not say which.

    ``id`` is the message's own: the same id again is the same message.
    """

    mount: str
    path: str
    version: int | None
    source: Source
    id: str
    vault_index: str | None = None
    """State that a node of Vault Enterprise must have reached before it can know of this; opaque."""

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}#{'latest' if self.version is None else self.version}"


class MalformedMessage(InvalidInput):
    """The message is not JSON as it is meant here: broken, ambiguous, or nested too deeply."""


class UnwantedMessage(InvalidInput):
    """The message is JSON, but says more than a hint may, or less, or something else."""


def plain(path: str) -> str:
    """Return the path; ValueError when it would mean something else in an address."""
    if not is_plain_path(path):
        raise ValueError("not a plain path")
    return path


def is_place(mount: str, path: str) -> bool:
    """Say whether mount and path name a place that a hint may be about."""
    return all(0 < len(part) <= 512 and is_plain_path(part) for part in (mount, path))


Place = Annotated[
    str,
    Field(min_length=1, max_length=512, description="A plain path: no empty or dot segments."),
    AfterValidator(plain),
]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class ThinPayload(_Model):
    """Where the secret is. Values are refused."""

    mount: Place
    path: Place
    version: Annotated[int, Field(ge=1, le=LARGEST_VERSION)] | None = None


class Envelope(_Model):
    """The form that Standard Webhooks recommends."""

    type: Literal["vault.secret.rotated"]
    timestamp: Annotated[AwareDatetime, Strict(strict=False)]
    data: ThinPayload


def parse(body: bytes, message_id: str) -> Hint | None:
    """Return the hint of a webhook's body; None for a Vault event that is not about a new version.

    Raises MalformedMessage for what is not JSON, UnwantedMessage for what is not a hint.
    """
    document = read_json(body)
    if not isinstance(document, dict):
        raise unwanted("the message is not a JSON object")
    if "specversion" in document:
        return from_cloud_event(document, message_id)
    refuse_values(document)
    payload: ThinPayload | None = None
    try:
        if "type" in document:
            payload = Envelope.model_validate(document).data
        else:
            payload = ThinPayload.model_validate(document)
    except ValidationError:
        pass  # its text may quote what was sent
    if payload is None:
        raise unwanted("the message does not have the form of a hint")
    return Hint(payload.mount, payload.path, payload.version, Source.WEBHOOK, message_id)


def from_cloud_event(document: Mapping[str, Any], message_id: str) -> Hint | None:
    """Return the hint of one of Vault Enterprise's event notifications; None when it is of another kind.

    The type is in ``data.event_type``; the envelope's own is always ``*``. Vault may add fields, so
    unknown ones are left alone here, but for those that may hold a value.
    """
    refuse_values(document)
    data = _part(document, "data")
    kind = data.get("event_type")
    if document.get("specversion") != "1.0" or not isinstance(kind, str):
        raise unwanted("the message is not an event notification of Vault")
    if kind not in _KV_KINDS and kind != "ldap/rotate":
        return None
    facts = _part(_part(data, "event"), "metadata")
    mount = _text(_part(data, "plugin_info"), "mount_path").strip("/")
    version = None
    if kind == "ldap/rotate":
        # Rotations by the clock come without a path, so the name is what counts.
        path = _text(facts, "name")
    else:
        path = _below(mount, facts)
        version = _number(facts) if kind != "kv-v2/data-undelete" else None
    if not is_place(mount, path):
        raise unwanted("the event does not name a plain path")
    return Hint(mount, path, version, Source.EVENT, message_id, _index(facts))


_INDEX = re.compile(r"[A-Za-z0-9+/=_.-]{1,1024}")
_KV_KINDS = frozenset({"kv-v2/data-write", "kv-v2/data-patch", "kv-v2/data-undelete"})


def _below(mount: str, facts: Mapping[str, Any]) -> str:
    """Return the path of the secret: Vault writes mount/data/path, the plugin itself data/path."""
    path = _text(facts, "data_path" if "data_path" in facts else "path")
    for prefix in (f"{mount}/data/", "data/"):
        if path.startswith(prefix):
            return path.removeprefix(prefix)
    raise unwanted("the event does not name a secret below data/")


def _number(facts: Mapping[str, Any]) -> int:
    text = _text(facts, "current_version")  # Vault's metadata are strings, all of them
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) > 0):
        raise unwanted("the event does not tell a version")
    return int(text)


def _index(facts: Mapping[str, Any]) -> str | None:
    """Return the index of the event; None where there is none, or one that cannot go into a header."""
    index = facts.get("vault_index")
    return index if isinstance(index, str) and _INDEX.fullmatch(index) else None


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name)
    if not isinstance(part, Mapping):
        raise unwanted(f"the event has no {name}")
    return part


def _text(document: Mapping[str, Any], name: str) -> str:
    text = document.get(name)
    if not isinstance(text, str):
        raise unwanted(f"the event has no {name}")
    return text


def refuse_values(document: object) -> None:
    """Raise UnwantedMessage when any field, however deep, has a name under which values travel."""
    waiting: list[object] = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            if any(str(name).casefold().replace("-", "_") in VALUES for name in part):
                raise unwanted("the message seems to hold a value; send mount, path and version")
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def read_json(body: bytes) -> object:
    """Return the JSON document; raises MalformedMessage, also where two readers could differ."""
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):  # the text of the error quotes the body
        pass
    raise MalformedMessage("intake", "read message", problem="the body is not JSON")


def _once_each(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    pairs = list(pairs)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_constant(_: str) -> object:
    raise ValueError("not a number of JSON")


def unwanted(problem: str) -> UnwantedMessage:
    """Return the refusal of a message that is no hint; ``problem`` never quotes it."""
    return UnwantedMessage("intake", "read message", problem=problem)
