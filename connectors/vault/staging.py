"""New passwords that wait at a place of their own: made once, found again, removed.

A password is at rest here before any directory hears of it, so that no crash loses it. Check-and-set
decides between two runs, and what a lost answer leaves open is settled by reading.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors.errors import Conflict, InvalidInput, NotFound, Unknown, Unreachable
from connectors.http import Effect
from connectors.models import SecretHandle
from connectors.secret import Secret
from connectors.vault import kv
from connectors.vault.call import Answer, Call
from connectors.vault.failures import by_status
from connectors.vault.kv import Found
from connectors.vault.line import Send
from connectors.vault.models import Staged
from connectors.vault.reading import Reader
from connectors.vault.staged import foreign, is_name, whole, wrong_field
from connectors.vault.writing import Fields, Writer, after_loss


class Stager:
    """Stage and discard; the promises are told at the methods of ``VaultClient``."""

    def __init__(
        self,
        ask: Callable[[Call, Send], Answer],
        reader: Reader,
        writer: Writer,
        generate: Callable[[str], Secret],
    ) -> None:
        self._ask = ask
        self._reader = reader
        self._writer = writer
        self._generate = generate

    def stage(self, place: SecretHandle, username: str, policy: str, rotation: str) -> Staged:
        """Make and keep a password, once; return the one that is there already."""
        place = whole(place, "stage secret")
        for name, value in (("username", username), ("rotation", rotation)):
            if not is_name(value):
                advice = f"Give the {name} as one line, without white space around it."
                raise InvalidInput("vault", "stage secret", field=name, advice=advice)
        if self._newest(place) is not None:
            return self._existing(place, username, rotation)
        first = self._make(place, username, policy, rotation)
        if isinstance(first, Staged):
            return first
        # It is not there. Should the first write arrive late after all, check-and-set refuses one of them.
        second = after_loss(first, lambda: self._make(place, username, policy, rotation))
        if isinstance(second, Staged):
            return second
        raise second

    def discard(self, place: SecretHandle) -> None:
        """Remove metadata and every version; what is gone already is gone."""
        place = whole(place, "discard secret")
        lost = self._remove(place)
        if lost is None or after_loss(lost, lambda: self._newest(place)) is None:
            return
        lost = after_loss(lost, lambda: self._remove(place))
        if lost is not None and after_loss(lost, lambda: self._newest(place)) is not None:
            raise lost

    def _make(
        self, place: SecretHandle, username: str, policy: str, rotation: str
    ) -> Staged | Unknown:
        """Write a fresh password once; Unknown is returned when it is not there afterwards."""
        password = self._generate(policy)
        fields: Fields = {"username": username, "password": password, "rotation_id": rotation}
        try:
            return Staged(self._writer.write(place, fields, 0), made_now=True)
        except Conflict:
            lost = None
        except Unknown as error:
            lost = error.sealed()
        if lost is None:  # another run was first: its password is the one
            return self._existing(place, username, rotation)
        return after_loss(lost, lambda: self._seen(place, username, rotation, fields)) or lost

    def _existing(self, place: SecretHandle, username: str, rotation: str) -> Staged:
        """Check what is staged; raise Unreachable when the node that answers does not have it yet."""
        staged = self._seen(place, username, rotation, {})
        if staged is not None:
            return staged
        advice = "The node of Vault that answered has not caught up; start the rotation again."
        raise Unreachable("vault", "stage secret", secret=place, retry_after=1.0, advice=advice)

    def _seen(
        self, place: SecretHandle, username: str, rotation: str, written: Fields
    ) -> Staged | None:
        """Check what is staged; None when nothing is. ``written`` is what this run may have written."""
        reading = self._reader.look(place.at(1))
        newest = self._newest(place)
        if reading.found is Found.NOTHING and newest in (None, 1):
            return None
        gone = reading.found in (Found.NOTHING, Found.DELETED, Found.DESTROYED)
        if gone or newest not in (None, 1):
            raise foreign(place, "version")
        if reading.found is not Found.LIVE:
            reading = self._reader.read(place.at(1))  # raises, and says why
        fields = reading.fields or {}
        wrong = wrong_field(fields, username, rotation)
        if wrong or reading.version is None:
            raise foreign(place, wrong or "version")
        return Staged(reading.version, made_now=kv.same(fields, written))

    def _newest(self, place: SecretHandle) -> int | None:
        """Return the number of the newest version, also of a deleted one; None when there is none."""
        try:
            return self._reader.metadata(place).current.handle.version
        except NotFound as error:
            missing = error.sealed()
        if missing.identifiers.get("found") == "no such mount":
            raise missing
        return None

    def _remove(self, place: SecretHandle) -> Unknown | None:
        """Send the removal once; Unknown is returned when its answer was lost."""
        path, about = f"{place.mount}/metadata/{place.path}", {"secret": place}
        call = Call("discard secret", path, Effect.CHANGE, ("delete",), frozenset({404}), about)
        try:
            answer = self._ask(
                call,
                lambda client: client.secrets.kv.v2.delete_metadata_and_all_versions(
                    place.path, mount_point=place.mount
                ),
            )
        except Unknown as error:
            return error.sealed()
        if answer.says("no handler for route") or answer.says("unsupported path"):
            raise by_status(404, call)
        return None
