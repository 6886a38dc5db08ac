"""What Prefect's own API raises, in our words."""

from __future__ import annotations

import httpx
import pytest
from prefect.exceptions import ObjectNotFound

from connectors.errors import NotFound, RotationError, Unknown, Unreachable
from tasks._prefect import deployment_of_this_run, told


def _status(code: int) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://127.0.0.1/api")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(code))


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (httpx.ConnectError("away"), Unreachable),
        (_status(429), Unreachable),
        (_status(503), Unreachable),
        (_status(422), Unknown),
        (ObjectNotFound(Exception("gone")), NotFound),
    ],
    ids=["away", "too many", "not now", "refused", "not there"],
)
def test_errors_are_ours(raised: Exception, kind: type[RotationError]) -> None:
    """Each of Prefect's errors becomes one of ours, which says what was attempted and what to do."""
    with pytest.raises(kind, match="read an answer") as seen, told("read an answer", "Do that."):
        raise raised
    assert "Do that." in seen.value.what_to_do()


def test_no_run_has_no_deployment() -> None:
    """Outside of a run there is none that Prefect could start again."""
    assert deployment_of_this_run() is None
