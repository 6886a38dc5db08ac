"""A staged credential becomes the one that consumers read, by check-and-set."""

from __future__ import annotations

from connectors.errors import Conflict, NotFound, Unknown
from connectors.models import SecretHandle, SecretVersion
from connectors.vault import kv
from connectors.vault.kv import Found, Reading
from connectors.vault.reading import Reader
from connectors.vault.staged import FIELDS, closed, foreign, look_at, whole, wrong_field
from connectors.vault.writing import Fields, Writer, after_loss


class Promoter:
    """Promote; the promises are told at ``VaultClient.promote``."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    def promote(
        self, staged: SecretHandle, current: SecretHandle, expected_version: int
    ) -> SecretVersion:
        """Copy the three fields over the expected version; return the version that holds them.

        Other fields that a site keeps in the same secret stay as they are.
        """
        current = whole(current, "promote secret")
        fields = self._staged(staged.at(staged.version or 1))
        newest = self._reader.look(current)
        if newest.version is not None and _holds(newest, fields):
            return newest.version
        if newest.found is Found.LIVE:
            fields = {
                **(newest.fields or {}),
                **fields,
            }  # check-and-set refuses any but the expected
        first = self._commit(current, fields, expected_version)
        if isinstance(first, SecretVersion):
            return first
        # It is not there. Should the first write arrive late after all, check-and-set refuses one of them.
        second = after_loss(first, lambda: self._commit(current, fields, expected_version))
        if isinstance(second, SecretVersion):
            return second
        raise second

    def _staged(self, staged: SecretHandle) -> Fields:
        try:
            fields = self._reader.read(staged).fields or {}
        except NotFound as error:
            missing: NotFound | None = error.sealed()
        else:
            missing = None
        if missing is not None:
            if missing.identifiers.get("found") != "no such mount":
                missing.advice = (
                    f"No password waits at {staged}. Look what became of it with: {look_at(staged)}, "
                    "and start the rotation again."
                )
            raise missing
        wrong = wrong_field(fields)
        if wrong:
            raise foreign(staged, wrong)
        return closed(fields)

    def _commit(
        self, current: SecretHandle, fields: Fields, expected_version: int
    ) -> SecretVersion | Unknown:
        """Write once; Unknown is returned when it is not there afterwards."""
        try:
            return self._writer.write(current, fields, expected_version)
        except Conflict:
            lost = None
        except Unknown as error:
            lost = error.sealed()
        if lost is None:
            return self._whose(current, fields, expected_version)
        return after_loss(lost, lambda: self._observe(current, fields, expected_version)) or lost

    def _observe(
        self, current: SecretHandle, fields: Fields, expected_version: int
    ) -> SecretVersion | None:
        try:
            return self._writer.observe(current, fields, expected_version)
        except Conflict:
            pass
        return self._whose(current, fields, expected_version)

    def _whose(self, current: SecretHandle, fields: Fields, expected_version: int) -> SecretVersion:
        """Return the newest version when it is this very promotion; raise Conflict otherwise."""
        self._reader.look(current.at(expected_version + 1))  # waits for a node that is behind
        seen = self._reader.look(current)
        if seen.version is not None and _holds(seen, fields):
            return seen.version
        newest = seen.version.handle.version if seen.version else None
        there = f"Version {newest}" if newest else "Another state"
        raise Conflict(
            "vault",
            "promote secret",
            secret=current,
            expected_version=expected_version,
            newest=newest,
            advice=(
                f"{there} of {current.mount}/{current.path} is there now: somebody else wrote it while "
                "a rotation was going on, and two parties must not rotate one account. Look who it was "
                f"with: {look_at(current)}, stop the other one, and start the rotation again."
            ),
        )


def _holds(reading: Reading, fields: Fields) -> bool:
    """Say whether a version holds the very credential that was staged."""
    ours = {name: fields[name] for name in FIELDS}
    theirs = {name: value for name, value in (reading.fields or {}).items() if name in FIELDS}
    return reading.found is Found.LIVE and kv.same(theirs, ours)
