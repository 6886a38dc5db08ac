"""What the environment may say, and what it may not."""

from __future__ import annotations

import secrets

import pytest

from connectors.errors import InvalidInput
from intake.settings import IntakeSettings, SpoolSettings

NEEDED = {
    "INTAKE_SPOOL": "/var/lib/intake/spool",
    "INTAKE_WEBHOOK_KEYS_FILE": "/etc/intake/keys",
    "PREFECT_API_URL": "http://127.0.0.1:4200/api",
}


def _settings(monkeypatch: pytest.MonkeyPatch, **more: str) -> IntakeSettings:
    for name, value in {**NEEDED, **more}.items():
        monkeypatch.setenv(name, value)
    return IntakeSettings()


def test_least(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three variables are enough; it then listens on loopback."""
    settings = _settings(monkeypatch)
    assert (settings.host, settings.port) == ("127.0.0.1", 8477)
    assert settings.prefect_api_url == "http://127.0.0.1:4200/api/"


def test_own_address_of_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of its own goes before Prefect's variable."""
    settings = _settings(monkeypatch, INTAKE_PREFECT_API_URL="https://prefect.example.test/api/")
    assert settings.prefect_api_url == "https://prefect.example.test/api/"


def test_every_mistake_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, wrong and misspelt variables are told together, each with its fix."""
    monkeypatch.setenv("INTAKE_PORT", "many")
    monkeypatch.setenv("INTAKE_SPOL", "x")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(InvalidInput) as refused:
        IntakeSettings()
    advice = refused.value.what_to_do()
    for name in ("INTAKE_PORT", "INTAKE_SPOL: unknown; did you mean INTAKE_SPOOL?", "INTAKE_WEBHOOK_KEYS_FILE",
                 "PREFECT_API_URL: set it"):  # fmt: skip
        assert name in advice


@pytest.mark.parametrize(
    "name", ["INTAKE_WEBHOOK_KEYS", "INTAKE_AUDIT_TOKENS", "INTAKE_PREFECT_AUTH"]
)
def test_secrets_are_in_files(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A secret in a variable is refused, and not repeated."""
    canary = secrets.token_urlsafe()
    with pytest.raises(InvalidInput) as refused:
        _settings(monkeypatch, **{name: canary})
    assert f"{name}_FILE" in refused.value.what_to_do()
    assert canary not in refused.value.what_to_do() + str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFECT_API_URL", "prefect:4200"),
        ("PREFECT_API_URL", "http://user:pw@prefect/api"),
        ("INTAKE_DEPLOYMENT", "update"),
        ("INTAKE_TLS_KEY", "/etc/intake/key.pem"),
    ],
)
def test_refuses(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """An address or a name that cannot be right is refused when the intake starts."""
    with pytest.raises(InvalidInput):
        _settings(monkeypatch, **{name: value})


def test_the_command_line_needs_the_spool_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at the spool needs neither keys nor Prefect."""
    monkeypatch.setenv("INTAKE_SPOOL", "/var/lib/intake/spool")
    assert SpoolSettings().limits.rows == 10_000
