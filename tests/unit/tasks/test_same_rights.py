"""Two accounts that take turns: what the next one lacks of what the one in use may do."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from connectors.active_directory.models import Right, RightCheck
from connectors.errors import NotPermitted
from connectors.models import SecretHandle
from connectors.rotation import Rotation
from tasks import permissions
from tasks._ledger import LedgerKeeper
from tasks.identify import Location
from tests.fakes.directory import FakeDirectory
from tests.unit.tasks.conftest import Scene

STAGED = SecretHandle("kv", "staged", 1)


@dataclass
class Keeper:
    """A ledger of a rotation that is under way, with room for a sign-in."""

    under_way: Rotation

    def sign_in(self, *_: Any, **__: Any) -> AbstractContextManager[None]:
        """Let the sign-in happen."""
        return nullcontext()


class TwoAccounts(FakeDirectory):
    """A directory in which only the account whose password is staged lacks anything."""

    def rights(self, account: SecretHandle, container: str, **how: Any) -> tuple[RightCheck, ...]:
        """Predict the rights of one of the two."""
        if account == STAGED:
            return super().rights(account, container, **how)
        return FakeDirectory().rights(account, container, **how)


@pytest.fixture
def turn(scene: Scene) -> Location:
    """Return a connection in the middle of a rotation, on a directory that tells the accounts apart."""
    scene.domain = TwoAccounts()
    rotation = Rotation(
        id="r1", begun=datetime.now(UTC), account="next@corp.example.com",
        in_use="svc@corp.example.com", base="hq/ad", base_version=1,
    )  # fmt: skip
    pinned = replace(scene.ad.version, handle=STAGED)
    return replace(scene.ad, version=pinned, ledger=cast("LedgerKeeper", Keeper(rotation)))


def test_needed(scene: Scene, turn: Location) -> None:
    """A right that validation needs and only the account in use has stops the rotation."""
    scene.domain.missing = {Right.RESET_PASSWORD}
    scene.domain.lacking = {Right.CREATE_GROUP}
    with pytest.raises(NotPermitted, match="lacks=reset passwords"):
        permissions.same_rights(scene.systems, turn)
    assert scene.codes == ["active-directory.right-missing"]


def test_documented(scene: Scene, turn: Location) -> None:
    """A documented right that only the account in use has is a finding with its command, and stops nothing."""
    scene.domain.lacking = {Right.CREATE_GROUP}
    said = permissions.same_rights(scene.systems, turn)
    (finding,) = scene.here.findings
    assert finding.code == "rotation.rights-differ"
    assert "create groups in DC=corp,DC=example,DC=com" in finding.detail
    assert "CC;group" in finding.advice
    assert said == "it has the rights of the account in use"


def test_same(scene: Scene, turn: Location) -> None:
    """Where nothing differs, nothing is found."""
    assert permissions.same_rights(scene.systems, turn) == "it has the rights of the account in use"
    assert scene.here.findings == []
