"""Where a bridge may be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.settings import BridgeSettings
from connectors.errors import InvalidInput
from tests.contracts.cayosoft.vault import FakeVault
from tests.unit.cayosoft.conftest import CLIENT

GOOD = "https://console.example.test"


@pytest.mark.parametrize(
    "url",
    [
        "http://console.example.test",
        "http://127.0.0.1:8443",
        "http://localhost",
        "console.example.test",
        "https://",
        "https://user:pass@console.example.test",
        "https://console.example.test?x=1",
        "https://console.example.test:99999",
        "ftp://console.example.test",
        "",
    ],
)
@pytest.mark.parametrize("field", ["url", "token_url"])
def test_https_only(field: str, url: str) -> None:
    """An address without TLS is refused, on loopback too, and the message does not repeat it."""
    with pytest.raises(InvalidInput) as caught:
        BridgeSettings(**{"url": GOOD, "client": CLIENT, field: url})
    assert field == caught.value.identifiers["field"]
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize("field", ["connect_timeout", "answer_timeout"])
@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_timeouts_are_seconds(field: str, seconds: float) -> None:
    """A timeout that would wait for ever, or not at all, is refused."""
    with pytest.raises(InvalidInput):
        BridgeSettings(**{"url": GOOD, "client": CLIENT, field: seconds})


def test_frozen() -> None:
    """Settings do not change once they are made."""
    settings = BridgeSettings(url=GOOD, client=CLIENT)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.url = "https://elsewhere.example.test"  # type: ignore[misc]


def test_token_address() -> None:
    """The token endpoint is beside the bridge unless another one is named."""
    assert (
        f"{GOOD}/hq/oauth2/token" == BridgeSettings(url=f"{GOOD}/hq/", client=CLIENT).token_address
    )
    other = BridgeSettings(url=GOOD, client=CLIENT, token_url="https://login.example.test/t")
    assert other.token_address == "https://login.example.test/t"


def test_unreadable_ca_file(tmp_path: Path) -> None:
    """A CA file that cannot be read stops the driver, never the verification."""
    settings = BridgeSettings(url=GOOD, client=CLIENT, ca_file=tmp_path / "none.pem")
    with pytest.raises(InvalidInput):
        BridgeConsole(settings, FakeVault())
