"""The AADSTS table, row by row."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.entra.codes import CAUTION, TABLE, advice, classify, meaning, numbers
from connectors.entra.models import ProbeVerdict

# Written down again, by hand, from what Microsoft and its clients say; not read from the table.
EXPECTED = {
    ProbeVerdict.INVALID: (50126, 50064),
    ProbeVerdict.USER_NOT_FOUND: (50034, 51004, 50020),
    ProbeVerdict.LOCKED: (50053,),
    ProbeVerdict.VALID_EXPIRED: (50055, 50144),
    ProbeVerdict.DISABLED: (50057,),
    ProbeVerdict.VALID_MFA_REQUIRED: (50072, 50074, 50076, 50078, 50079, 50158),
    ProbeVerdict.VALID_BLOCKED_BY_POLICY: (
        53003, 53000, 53001, 53002, 50131, 530032, 50097, 50129, 50155, 50105, 50135, 50125,
    ),
    ProbeVerdict.VALID_NEEDS_CONSENT: (65001, 90094, 90008),
    ProbeVerdict.CLIENT_CONFIG: (
        65004, 7000215, 7000222, 700027, 7000218, 700025, 7000112, 70001,
        700016, 700011, 50194, 500011, 650052, 650056, 650057, 70011, 65005,
    ),
    ProbeVerdict.TENANT_CONFIG: (
        50056, 530035, 9001023, 90002, 50128, 50059, 90038,
        80001, 80002, 80005, 80007, 80010, 80013, 80014,
    ),
    ProbeVerdict.TRANSIENT: (90055, 90033, 90006, 90012, 90024, 90090, 50033, 50087),
    ProbeVerdict.UNKNOWN: (
        53011, 530034, 50173, 50132, 50133, 700082, 70008, 70043, 50089, 50196, 80012,
        120000, 120002, 120012,
    ),
}  # fmt: skip
PAIRS = [(code, verdict) for verdict, codes in EXPECTED.items() for code in codes]


@pytest.mark.parametrize(("code", "verdict"), PAIRS)
def test_row(code: int, verdict: ProbeVerdict) -> None:
    """Each listed number gives its verdict, and a person something to do."""
    assert classify([code]) is verdict
    assert advice([code]).endswith(".")


def test_table_has_no_other_rows() -> None:
    """A number is listed once, and none is listed that was not checked."""
    assert sorted(TABLE) == sorted(code for code, _ in PAIRS)


@given(st.lists(st.integers(1, 9_999_999).filter(lambda code: code not in TABLE)))
def test_unlisted_number_is_unknown(codes: list[int]) -> None:
    """A number nobody listed, or none at all, proves nothing about the password."""
    assert classify(codes) is ProbeVerdict.UNKNOWN
    assert classify(codes).password_accepted is None


@given(st.lists(st.sampled_from(sorted(TABLE)), min_size=1, max_size=4))
def test_most_cautious_wins(codes: list[int]) -> None:
    """Several numbers accept a password only when each of them does."""
    each = {TABLE[code].verdict.password_accepted for code in codes}
    together = classify(codes)
    assert (together.password_accepted is True) == (each == {True})
    assert classify(reversed(codes)) is together


def test_lockout_beats_everything() -> None:
    """Locked wins over any other number, an unlisted one too."""
    for other in (*TABLE, 42):
        assert classify([other, 50053]) is ProbeVerdict.LOCKED


def test_caution_orders_every_verdict() -> None:
    """Every verdict but the proven one has its place, once."""
    assert sorted(CAUTION) == sorted(v for v in ProbeVerdict if v is not ProbeVerdict.VALID)
    accepted = [verdict.password_accepted for verdict in CAUTION]
    assert [key for key, _ in itertools.groupby(accepted)] == [None, False, True]


@pytest.mark.parametrize(
    ("code", "said", "done"),
    [
        (50076, "multi-factor authentication is demanded", "Conditional Access"),
        (50079, "enrol", "Validate"),
        (50158, "outside Entra", "custom control"),
        (53003, "Conditional Access blocks", "Exclude"),
        (53000, "managed device", "Exclude"),
        (50055, "expired", "new password"),
        (530035, "security defaults", "Replace security defaults"),
    ],
)
def test_an_answer_is_told_in_words(code: int, said: str, done: str) -> None:
    """Each answer to a sign-in is explained in words, with what a person does about it."""
    assert said in meaning([code])
    assert done in advice([code])
    assert numbers([code]) == f"AADSTS{code}"


def test_an_answer_without_a_known_number() -> None:
    """A number that is not listed, or none, is said to be unknown."""
    assert "known" in meaning([42])
    assert "known" in meaning([])
    assert numbers([]) == "no AADSTS number"
