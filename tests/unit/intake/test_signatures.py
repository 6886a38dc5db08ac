"""Standard Webhooks signatures, with the traps of the library and of the senders."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import pytest

from connectors.secret import Secret
from intake.signatures import NotSigned, verify

BODY = '{"mount":"kv","path":"apps/hü"}'.encode()


def _headers(
    key: str, *, at: float | None = None, message_id: str = "msg_1", body: bytes = BODY
) -> dict[str, str]:
    """Sign as the specification says, with nothing of the library."""
    stamp = str(int(time.time() if at is None else at))
    raw = base64.b64decode(key.removeprefix("whsec_"))
    digest = hmac.new(raw, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}


def test_accepts_a_signature(new_key: str) -> None:
    """A body signed with our key is accepted, under the id in its headers."""
    assert verify(BODY, _headers(new_key), [Secret(new_key)]) == "msg_1"


def test_several_keys(new_key: str, other_key: str) -> None:
    """While keys are rotated, each of them signs; a removed one no longer does."""
    both = [Secret(new_key), Secret(other_key)]
    assert verify(BODY, _headers(new_key), both)
    assert verify(BODY, _headers(other_key), both)
    with pytest.raises(NotSigned):
        verify(BODY, _headers(other_key), [Secret(new_key)])


def test_several_signatures(new_key: str, other_key: str) -> None:
    """A sender that signs with two keys, or with another scheme too, is accepted when one fits."""
    headers = _headers(new_key)
    other = _headers(other_key)["webhook-signature"]
    headers["webhook-signature"] = f"v1a,AAAA {other} {headers['webhook-signature']}"
    assert verify(BODY, headers, [Secret(new_key)])


@pytest.mark.parametrize(("age", "fine"), [(290, True), (-290, True), (310, False), (-310, False)])
def test_five_minutes(new_key: str, age: float, fine: bool) -> None:
    """A message is good for five minutes, and so is a sender whose clock is ahead."""
    headers = _headers(new_key, at=time.time() - age)
    if fine:
        assert verify(BODY, headers, [Secret(new_key)])
    else:
        with pytest.raises(NotSigned):
            verify(BODY, headers, [Secret(new_key)])


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": ""}, {"webhook-id": "msg_2"}, {"webhook-id": "a b"}, {"webhook-id": "m" * 129},
        {"webhook-timestamp": ""}, {"webhook-timestamp": "soon"}, {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "nan"}, {"webhook-timestamp": "9" * 30}, {"webhook-timestamp": "٣"},
        {"webhook-signature": ""}, {"webhook-signature": "garbage"}, {"webhook-signature": "v1,%"},
        {"webhook-signature": "v1,A"}, {"webhook-signature": "v1,"}, {"webhook-signature": "v1,é"},
        {"webhook-signature": "v1," + "A" * 3000}, {"webhook-signature": "v2,AAAA"},
    ],
    ids=str,
)  # fmt: skip
def test_strange_headers(new_key: str, change: dict[str, str]) -> None:
    """Whatever is in the headers, the message is signed or it is not; no other error comes out."""
    with pytest.raises(NotSigned) as refused:
        verify(BODY, _headers(new_key) | change, [Secret(new_key)])
    assert refused.value.__context__ is None


def test_a_fraction_of_a_second(new_key: str) -> None:
    """A timestamp with a fraction is refused: the library would verify another text than was sent."""
    headers = _headers(new_key)
    headers["webhook-timestamp"] += ".5"
    with pytest.raises(NotSigned):
        verify(BODY, headers, [Secret(new_key)])


def test_another_body(new_key: str) -> None:
    """One byte of the body changed, and it is not signed."""
    with pytest.raises(NotSigned):
        verify(BODY + b" ", _headers(new_key), [Secret(new_key)])
    with pytest.raises(NotSigned):
        verify(b"\xff", _headers(new_key, body=b"\xff"), [Secret(new_key)])
