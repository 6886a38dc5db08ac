"""A small inventory with one connection of each kind of secret."""

from __future__ import annotations

from connectors.models import Engine, SecretHandle
from inventory.models import Inventory

ROLE = SecretHandle("ldap", "branch", engine=Engine.LDAP)


def inventory() -> Inventory:
    """Return it: hq is rotated by the orchestrator, branch by Vault's LDAP engine; both consoles have no bridge."""
    common = {
        "extension": "active_directory", "row": "corp", "directory": "corp",
        "validation_ou": "OU=Test,DC=corp,DC=example,DC=com",
    }  # fmt: skip
    return Inventory.model_validate(
        {
            "version": 1,
            "directories": [
                {
                    "name": "corp",
                    "domain": "corp.example.com",
                    "base_dn": "DC=corp,DC=example,DC=com",
                    "controllers": ["ldaps://dc1.corp.example.com"],
                    "reader": {"path": "account-rotation/ad-reader"},
                    "setter": {"path": "account-rotation/setters/ad-setter"},
                }
            ],
            "services": [
                {
                    "name": name,
                    "console": {"driver": "operator"},
                    "connections": [
                        {
                            **common,
                            "name": f"{name}-ad",
                            "accounts": [{"username": f"svc-{name}@corp.example.com"}],
                            **more,
                        }
                    ],
                }
                for name, more in (
                    (
                        "hq",
                        {
                            "secret": {"path": "cayosoft/hq"},
                            "rotated_by": "orchestrator",
                            "password_policy": "strong",
                        },
                    ),
                    (
                        "branch",
                        {
                            "secret": {"mount": "ldap", "path": "branch", "engine": "ldap"},
                            "rotated_by": "vault",
                        },
                    ),
                )
            ],
        }
    )
