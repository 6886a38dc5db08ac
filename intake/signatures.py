"""Standard Webhooks: whether a message was signed with one of our keys, lately."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from standardwebhooks import Webhook, WebhookVerificationError

from connectors.errors import NotPermitted
from connectors.secret import Secret

ID = re.compile(r"[!-~]{1,128}")  # it is kept and shown: no white space, nothing invisible
_TIMESTAMP = re.compile(r"[0-9]{1,11}")
_LONGEST_SIGNATURES = 2048


class NotSigned(NotPermitted):
    """The message carries no signature of ours, or an old one."""


def verify(body: bytes, headers: Mapping[str, str], keys: Sequence[Secret]) -> str:
    """Return the message's id when one of the keys signed exactly this body within five minutes.

    Raises NotSigned, whatever else is wrong with the headers. Every key is tried, whichever fits, and
    each comparison takes the same time.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "")
    # The library floors a fractional timestamp and lets other exceptions out on strange headers.
    if (
        ID.fullmatch(message_id)
        and _TIMESTAMP.fullmatch(timestamp)
        and 0 < len(signatures) <= _LONGEST_SIGNATURES
    ):
        told = {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signatures,
        }
        fits = [_fits(body, told, key) for key in keys]  # a list: no key is left out
        if any(fits):
            return message_id
    raise NotSigned("intake", "verify signature")


def _fits(body: bytes, headers: dict[str, str], key: Secret) -> bool:
    try:
        Webhook(key.reveal()).verify(body, headers, json_parse=False)
    except WebhookVerificationError:
        return False
    except Exception:  # noqa: BLE001  ValueError, binascii.Error and more, on whatever was sent
        return False
    return True
