"""The words on the pages, by product version, as far as the vendor's articles can be read.

Which version changed them is not known; the boundary here is made up.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Labels:
    """``ok_saves``: OK in the Microsoft 365 dialog is the end, and needs no Save on the settings page."""

    extensions: str = "Connected System Extensions"
    tenant_credentials: str = "Microsoft 365 default credentials"
    find_app: str = "Find or register the app"
    consent: str = "Entra ID application consent"
    ok_saves: bool = True


_OLD = Labels(
    extensions="Connected Systems Extensions",
    tenant_credentials="Microsoft 365 credentials",
    find_app="Register application in Azure",
    consent="Admin Consent",
    ok_saves=False,
)
_FIRST_CURRENT = 11


def labels_of(version: str) -> Labels:
    """Return the words of a product version such as ``13.3``."""
    major = version.partition(".")[0]
    return _OLD if major.isdigit() and int(major) < _FIRST_CURRENT else Labels()
