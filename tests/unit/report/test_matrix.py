"""The consent matrix: each permission comes to one upshot, with a sign of its own."""

from __future__ import annotations

from connectors.entra.models import ConsentLine, ConsentReview, ConsentVerdict, GrantedHow
from report.documenting import connection_of
from report.matrix import SIGNS, Upshot, rows, summary
from report.pages import grants
from tests.unit.report import whole


def test_each_upshot() -> None:
    """Required, granted for this account, for everybody and extra are told apart."""
    found = {row.permission: row.upshot for row in rows(whole.review())}
    assert found == {
        "User.ReadWrite.All": Upshot.AS_IT_MUST_BE,
        "Directory.AccessAsUser.All": Upshot.MISSING,
        "Group.ReadWrite.All": Upshot.MISSING_AND_FOR_EVERYBODY,
        "RoleManagement.ReadWrite.Directory": Upshot.FOR_EVERYBODY,
        "Reports.Read.All": Upshot.AS_IT_MUST_BE,
        "Mail.ReadWrite": Upshot.EXTRA,
        "Sites.FullControl.All": Upshot.EXTRA_FOR_EVERYBODY,
    }


def test_another_users_grant_does_not_count() -> None:
    """What was granted for another user is shown there, and missing for this account."""
    line = ConsentLine(whole.permission("User.Read"), True, (GrantedHow.ANOTHER_USER,))
    (row,) = rows(ConsentReview(ConsentVerdict.NOT_GRANTED, None, (line,), ()))
    assert row.cells == (True, False, False, True)
    assert row.upshot is Upshot.MISSING


def test_no_two_upshots_share_a_sign() -> None:
    """A reader who sees no colours can tell them apart."""
    assert set(SIGNS) == set(Upshot)
    assert len(set(SIGNS.values())) == len(Upshot)


def test_it_is_told() -> None:
    """The sentence counts what is required, missing, for everybody and extra."""
    assert summary(rows(whole.review())) == (
        "Of 5 required permissions 3 are granted as they must be, 2 are missing. "
        "3 are granted for everybody, 2 are extra."
    )


def test_the_picture_has_every_permission() -> None:
    """Each permission has its row; without a review there is no picture."""
    run = whole.record()
    drawn = grants.draw(connection_of(run, run.connections[0], whole.START), alone=True) or ""
    for row in rows(whole.review()):
        assert row.permission in drawn
        assert SIGNS[row.upshot] in drawn
    run.connections[0].consent = None
    assert grants.draw(connection_of(run, run.connections[0], whole.START), alone=True) is None
