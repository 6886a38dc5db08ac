"""The environment becomes settings, or one error that names every wrong variable."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from connectors.errors import InvalidInput
from connectors.vault.settings import AuthKind, VaultSettings

GOOD = {
    "ADDR": "https://vault.example.test:8200/",
    "ROLE_ID": "role",
    "SECRET_ID_FILE": "/run/secret-id",
}


def load(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> VaultSettings:
    """Load settings from a good environment with changes."""
    for name, value in {**GOOD, **changes}.items():
        if value is None:
            monkeypatch.delenv(f"ROTATION_VAULT_{name}", raising=False)
        else:
            monkeypatch.setenv(f"ROTATION_VAULT_{name}", value)
    return VaultSettings()  # type: ignore[call-arg]


def test_reads_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from variables with the prefix, AppRole and sober timeouts being the default."""
    settings = load(monkeypatch, NAMESPACE="team/a/", READ_TIMEOUT="7.5")
    assert settings.addr == "https://vault.example.test:8200"
    assert (settings.auth, settings.auth_mount) == (AuthKind.APPROLE, "approle")
    assert settings.namespace == "team/a"
    assert (settings.connect_timeout, settings.read_timeout) == (5.0, 7.5)
    assert settings.secret_id_file == Path("/run/secret-id")


def test_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings do not change after loading."""
    with pytest.raises(ValueError, match="frozen"):
        load(monkeypatch).addr = "https://elsewhere.example.test"


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8200", "http://localhost:8200", "http://[::1]:8200", "https://h/prefix"],
)
def test_takes_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Plain http is taken for loopback, and a base path behind a proxy is taken."""
    assert address == load(monkeypatch, ADDR=address).addr


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("ADDR", None, "give the address of Vault"),
        ("ADDR", "vault.example.test:8200", "give the address of Vault"),
        ("ADDR", "http://vault.example.test:8200", "use https"),
        ("ADDR", "https://vault.example.test:port", "give the address of Vault"),
        ("ADDR", "https://user:word@vault.example.test", "without user"),
        ("ADDR", "https://vault.example.test/?x=1", "without user, query"),
        ("ADDR", "https://vault.example.test/v1/", "leave out /v1"),
        ("AUTH", "kubernetes", "say approle or token"),
        ("AUTH_MOUNT", "approle/../../sys", "plain path"),
        ("NAMESPACE", "a//b", "plain path"),
        ("ROLE_ID", None, "give the RoleID"),
        ("SECRET_ID_FILE", None, "WRAPPED_SECRET_ID_FILE"),
        ("TOKEN_FILE", "/run/token", "AUTH=token"),
        ("CONNECT_TIMEOUT", "0", "between 0.1 and 300"),
        ("READ_TIMEOUT", "soon", "between 0.1 and 300"),
        ("STALE_READ_PATIENCE", "-1", "between 0 and 300"),
        ("ADRR", "https://vault.example.test", "did you mean ROTATION_VAULT_ADDR"),
        ("ELSE", "1", "unknown"),
    ],
)
def test_refuses(monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, fix: str) -> None:
    """A wrong value is refused with the name of its variable and the fix."""
    with pytest.raises(InvalidInput) as refused:
        load(monkeypatch, **{name: value})
    assert refused.value.identifiers["variables"] == f"ROTATION_VAULT_{name}"
    assert fix in refused.value.what_to_do()
    assert refused.value.__context__ is None


def test_reports_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wrong variable is in one error, not only the first."""
    with pytest.raises(InvalidInput) as refused:
        load(monkeypatch, ADDR="http://vault", ROLE_ID=None, READ_TIMEOUT="x", ADDRESS="y")
    assert refused.value.identifiers["variables"].split() == [
        "ROTATION_VAULT_ADDR",
        "ROTATION_VAULT_ADDRESS",
        "ROTATION_VAULT_READ_TIMEOUT",
        "ROTATION_VAULT_ROLE_ID",
    ]


@pytest.mark.parametrize("name", ["TOKEN", "SECRET_ID"])
def test_refuses_secret_by_value(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A secret in the environment is refused, with the way to put it into a file, and not shown."""
    value = secrets.token_urlsafe()
    with pytest.raises(InvalidInput) as refused:
        load(monkeypatch, **{name: value})
    assert f"ROTATION_VAULT_{name}_FILE" in refused.value.what_to_do()
    assert value not in refused.value.what_to_do() + str(refused.value)


def test_refuses_both_secret_id_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two places for one SecretID are refused: nobody could tell which one counts."""
    with pytest.raises(InvalidInput, match="ROTATION_VAULT_SECRET_ID_FILE"):
        load(monkeypatch, WRAPPED_SECRET_ID_FILE="/run/wrapped")


def test_token_needs_file_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing in with a token asks for its file, and takes no AppRole variables."""
    settings = load(
        monkeypatch, AUTH="token", TOKEN_FILE="/run/token", ROLE_ID=None, SECRET_ID_FILE=None
    )
    assert settings.token_file == Path("/run/token")
    with pytest.raises(InvalidInput) as refused:
        load(monkeypatch, AUTH="token", TOKEN_FILE=None, ROLE_ID="role", SECRET_ID_FILE=None)
    assert refused.value.identifiers["variables"] == (
        "ROTATION_VAULT_ROLE_ID ROTATION_VAULT_TOKEN_FILE"
    )


def test_hides_role_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """The RoleID, half of a credential, is not in the repr."""
    role = secrets.token_urlsafe()
    assert role not in repr(load(monkeypatch, ROLE_ID=role))
