"""Approvals: what people write down in Vault, each below a folder that only that person may write.

Vault tells nobody who wrote a secret, so the folder's name does: a policy with a template lets everybody write
below a folder of their own name and nowhere else (Vault documentation, "ACL policy path templating").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.errors import NotFound
from connectors.models import SecretHandle
from connectors.vault.call import Answer, Call
from connectors.vault.line import Send, not_vault
from connectors.vault.models import Approval
from connectors.vault.reading import Reader


class Approvals:
    """Read what was written about one form or plan, by its key."""

    def __init__(self, ask: Callable[[Call, Send], Answer], reader: Reader) -> None:
        self._ask = ask
        self._reader = reader

    def read(self, place: SecretHandle, key: str) -> tuple[Approval, ...]:
        """Return what each person has written at ``place/PERSON/key``, oldest first; empty where nobody has."""
        found = [
            approval for person in self._people(place) if (approval := self._of(place, person, key))
        ]
        return tuple(sorted(found, key=lambda approval: approval.at))

    def _people(self, place: SecretHandle) -> Iterator[str]:
        path = f"{place.mount}/metadata/{place.path}/"
        call = Call("list approvals", path, needs=("list",), answers=frozenset({404}))
        answer = self._ask(
            call,
            lambda client: client.secrets.kv.v2.list_secrets(place.path, mount_point=place.mount),
        )
        keys = answer.data.get("keys", [])
        if answer.status == 404:
            return
        if not isinstance(keys, list):
            raise not_vault(call)
        for name in keys:
            if isinstance(name, str) and name.endswith("/") and name.strip("/"):
                yield name.removesuffix("/")

    def _of(self, place: SecretHandle, person: str, key: str) -> Approval | None:
        handle = SecretHandle(place.mount, f"{place.path}/{person}/{key}")
        try:
            reading = self._reader.read(handle)
        except NotFound as missing:
            if missing.identifiers.get("found") == "no such mount":
                raise
            return None
        answer = (reading.fields or {}).get("answer")
        if reading.version is None or not isinstance(answer, str):
            return None
        return Approval(person, answer, reading.version.created)
