"""Tests are dealt out to workers in groups that share what they start, the long ones first."""

from __future__ import annotations

import pytest

from tests.parallel import group_of, in_order


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/laws/test_kill.py::test_it[active_directory-A1]", "tests/laws/test_kill.py"),
        ("tests/laws/test_kill.py::test_it[samba-A1]", "tests/laws/test_kill.py on samba"),
        ("tests/laws/saga/test_all.py::test_it[x]", "tests/laws/saga/test_all.py::test_it[x]"),
        ("tests/contracts/vault/test_kv.py::test_it[stand-in]", "tests/contracts/vault"),
        ("tests/contracts/vault/test_kv.py::test_it[openbao]", "tests/contracts/vault on openbao"),
        ("tests/sandbox/vault/test_kv.py::test_it[2-real]", "tests/sandbox/vault on real"),
        ("tests/unit/samba/test_samba.py::test_unreal", "tests/unit/samba/test_samba.py"),
    ],
)
def test_groups(nodeid: str, group: str) -> None:
    """Who shares a started system is in one group, and a real system is a group of its own."""
    assert group_of(nodeid) == group


def test_long_first() -> None:
    """Laws come before units, and the larger of two laws before the smaller."""
    large, small = "tests/laws/test_z.py", "tests/laws/test_a.py"
    unit = "tests/unit/test_a.py"
    order = in_order(
        [f"{unit}::{n}" for n in "abcd"] + [f"{small}::a", f"{large}::a", f"{large}::b"]
    )
    assert sorted(order, key=order.__getitem__) == [large, small, unit]
