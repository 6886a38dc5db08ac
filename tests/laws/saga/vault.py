"""Vault in the world of the saga: versions with check-and-set, what waits, and the ledgers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.errors import Conflict, NotFound, OutOfStep, Superseded
from connectors.ledger import Ledger
from connectors.models import Credential, SecretHandle, SecretVersion
from connectors.secret import Secret
from connectors.vault.models import SecretMetadata, Staged
from tests.laws.saga.faults import Effect, Line
from tests.laws.saga.timing import WorldTime
from tests.laws.saga.watch import Watch

KEPT = 50
"""Versions of a secret that Vault keeps: so many that whoever writes foreign ones pushes no last copy out."""

ROOT = "rotation"
Place = tuple[str, str]
Fields = dict[str, str]


@dataclass
class Version:
    """One version of a secret. ``by`` is who wrote it: seed, product or somebody."""

    number: int
    created: datetime
    fields: Fields
    by: str
    gone: bool = False
    ledger: Ledger | None = None
    """What was written as text, for whoever looks without reading it."""


@dataclass
class KeyValues:
    """The truth: every place and its versions. ``denied`` are parts of paths that the product may not use."""

    time: WorldTime
    watch: Watch
    places: dict[Place, list[Version]] = field(default_factory=dict)
    length: int = 24
    denied: set[str] = field(default_factory=set)
    staged: dict[str, set[str]] = field(default_factory=dict)
    """What was ever staged, by rotation id."""
    late: dict[str, Line] = field(default_factory=dict)
    """Who staged something by a call that was on its way when another run took over."""

    def write(self, place: Place, fields: Fields, expected: int | None, by: str) -> Version:
        """Write the next version; raise Conflict when ``expected`` is not the newest."""
        versions = self.places.setdefault(place, [])
        newest = versions[-1].number if versions else 0
        if expected is not None and newest != expected:
            raise Conflict("vault", "write secret", secret="/".join(place), newest=newest)
        self.time.sleep(0.001)  # no two versions at one moment
        versions.append(Version(newest + 1, self.time.utc(), dict(fields), by))
        if len(versions) > KEPT:
            versions[-KEPT - 1].gone = True
        return versions[-1]

    def readable(self, place: Place) -> list[Version]:
        """Return the versions of a place that can still be read."""
        return [version for version in self.places.get(place, []) if not version.gone]

    def newest(self, place: Place) -> Version:
        """Return the newest version of a place."""
        return self.places[place][-1]

    def waiting(self, connection: str) -> dict[str, Version]:
        """Return what waits for the rotations of a connection, by their ids."""
        prefix = f"{ROOT}/{connection}/pending/"
        return {
            path.removeprefix(prefix): versions[-1]
            for (_, path), versions in self.places.items()
            if path.startswith(prefix) and versions
        }

    def ledger(self, connection: str) -> Ledger:
        """Return the ledger as it stands."""
        versions = self.places.get(("kv", f"{ROOT}/{connection}/ledger"))
        found = versions[-1].ledger if versions else None
        return found or Ledger(connection=connection)

    def demand_silence(self, text: str) -> None:
        """Demand that a text holds no password that is or was in Vault."""
        for versions in self.places.values():
            for version in versions:
                if version.fields.get("password", f"{text}!") in text:
                    self.watch.breaks("a password was told")

    def writers(self, connection: str) -> list[str]:
        """Return the processes that wrote a ledger, in order."""
        return [it.by for it in self.places.get(("kv", f"{ROOT}/{connection}/ledger"), [])]

    def knows(self, connection: str, place: Place, account: str, password: str) -> bool:
        """Say whether a password can be recovered: from any version of the secret, or from what waits."""
        kept = [*self.readable(place), *self.waiting(connection).values()]
        return any(
            version.fields.get("username") == account and version.fields["password"] == password
            for version in kept
        )


class SagaVault:
    """Vault as one process sees it; keeps SecretVault but for static roles."""

    def __init__(self, line: Line, truth: KeyValues) -> None:
        self._line = line
        self._truth = truth

    def _version(self, handle: SecretHandle) -> Version:
        versions = self._truth.places.get((handle.mount, handle.path), [])
        wanted = handle.version or (versions[-1].number if versions else 0)
        for version in versions:
            if version.number == wanted and not version.gone:
                return version
        raise NotFound("vault", "read secret", secret=handle)

    def read(self, handle: SecretHandle) -> Fields:
        """Read a version at the moment of use, as part of a connector's own call."""
        return self._version(handle).fields

    def announced(self, staged: SecretHandle) -> datetime | None:
        """Return when a run wrote down that it sets this password."""
        rotation = self._truth.ledger(staged.path.split("/")[1]).rotation
        return rotation.setting.at if rotation and rotation.setting else None

    def credential(self, handle: SecretHandle) -> Credential:
        """Read ``username`` and ``password`` of one version, or of the latest."""

        def read() -> Credential:
            version = self._version(handle)
            fields = version.fields
            return Credential(
                handle.at(version.number), fields["username"], Secret(fields["password"])
            )

        return self._line.call("vault", "credential", read)

    def document(self, handle: SecretHandle) -> Mapping[str, Secret]:
        """Read every field of one version, each closed."""
        return self._line.call(
            "vault",
            "document",
            lambda: {name: Secret(value) for name, value in self._version(handle).fields.items()},
        )

    def metadata(self, handle: SecretHandle, *, index: str | None = None) -> SecretMetadata:
        """Read versions and dates of a secret; the handle's own version is ignored."""

        def read() -> SecretMetadata:
            found = self._truth.places.get((handle.mount, handle.path))
            if not found:
                raise NotFound("vault", "read metadata", secret=handle)
            versions = tuple(_seen(handle, version) for version in found)
            oldest = versions[0].handle.version or 1
            return SecretMetadata(
                handle.mount, handle.path, versions[-1], oldest, versions, KEPT, False
            )

        return self._line.call("vault", "metadata", read)

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Read what this identity may do at each API path."""
        held = ("create", "read", "update", "delete")
        denied = self._truth.denied
        return self._line.call(
            "vault",
            "capabilities",
            lambda: {
                path: ("deny",) if any(part in path for part in denied) else held for path in paths
            },
        )

    def stage(self, place: SecretHandle, username: str, policy: str, rotation: str) -> Staged:
        """Make a password and keep it create-once; what is there already stays."""

        def stage() -> Staged:
            where, made_now = (place.mount, place.path), False
            if not self._truth.places.get(where):
                password = secrets.token_hex(self._truth.length // 2)
                fields = {"username": username, "password": password, "rotation_id": rotation}
                self._truth.write(where, fields, 0, "product")
                self._truth.staged.setdefault(rotation, set()).add(password)
                if self._line.overtaken:
                    self._truth.late[rotation] = self._line
                made_now = True
            found = self._truth.newest(where)
            ours = (found.fields["username"], found.fields["rotation_id"]) == (username, rotation)
            if found.gone or not ours:
                raise OutOfStep("vault", "read staged secret", secret=place)
            return Staged(_seen(place, found), made_now)

        return self._line.call("vault", "stage", stage, Effect.CHANGE)

    def promote(
        self, staged: SecretHandle, current: SecretHandle, expected_version: int
    ) -> SecretVersion:
        """Copy a staged credential over the version that consumers read, by check-and-set."""

        def promote() -> SecretVersion:
            fields = self._version(staged).fields
            place = (current.mount, current.path)
            newest = self._truth.newest(place)
            if newest.fields != fields:
                self._truth.watch.promoted(newest.fields["username"], fields["username"])
                newest = self._truth.write(place, fields, expected_version, "product")
            return _seen(current, newest)

        return self._line.call("vault", "promote", promote, Effect.CHANGE)

    def discard(self, place: SecretHandle) -> None:
        """Remove a staged secret and all its versions; one that is already gone is success."""
        where = (place.mount, place.path)
        _, connection, _, name = place.path.split("/")
        now = self._truth.ledger(connection).rotation
        # What waits for a rotation that has ended is nobody else's.
        effect = Effect.CHANGE if now and now.id == name else Effect.OWN
        self._line.call("vault", "discard", lambda: self._truth.places.pop(where, None), effect)

    def rotate_static_role(self, role: SecretHandle) -> SecretVersion:
        """No connection of this world has a static role."""
        raise NotImplementedError(role)


class SagaLedgers:
    """The ledgers as one process sees them, with check-and-set."""

    def __init__(self, line: Line, truth: KeyValues, process: str) -> None:
        self._line = line
        self._truth = truth
        self._process = process

    def pending(self, connection: str, rotation: str) -> SecretHandle:
        """Name where the new password of one rotation waits."""
        return SecretHandle("kv", f"{ROOT}/{connection}/pending/{rotation}")

    def read(self, connection: str) -> Ledger:
        """Read a ledger from its text; an empty one with fence 0 where there is none yet."""

        def read() -> Ledger:
            found = self._truth.ledger(connection)
            again = Ledger.model_validate(json.loads(found.model_dump_json(by_alias=True)))
            return again.model_copy(update={"fence": found.fence})

        return self._line.call("ledgers", "read", read)

    def fence(self, connection: str) -> int:
        """Read only the version that a ledger is at; 0 where there is none yet."""
        return self._line.call("ledgers", "fence", lambda: self._truth.ledger(connection).fence)

    def write(self, ledger: Ledger) -> Ledger:
        """Write a changed ledger over the version it was read at; raise Superseded when it moved on."""

        def write() -> Ledger:
            place = ("kv", f"{ROOT}/{ledger.connection}/ledger")
            fields = {"ledger": ledger.model_dump_json(by_alias=True)}
            self._truth.demand_silence(fields["ledger"])
            moved = False
            try:
                version = self._truth.write(place, fields, ledger.fence, self._process)
            except Conflict:
                moved = True
            if moved:
                raise Superseded("vault", "write ledger", ledger=ledger.connection)
            version.ledger = ledger.model_copy(update={"fence": version.number})
            return version.ledger

        # A write of the ledger is its own fence.
        return self._line.call("ledgers", "write", write, Effect.OWN)


def _seen(handle: SecretHandle, version: Version) -> SecretVersion:
    return SecretVersion(handle.at(version.number), version.created, readable=not version.gone)
