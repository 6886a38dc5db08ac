"""The kinds of connection that the saga is tried on, and the inventory of each."""

from __future__ import annotations

import functools
import tempfile
from enum import Enum
from pathlib import Path

from connectors.models import Extension
from inventory.loader import load
from inventory.models import Inventory
from tests.laws.saga.domain import UNIT

DC1, DC2 = "ldaps://dc1.corp.example.com", "ldaps://dc2.corp.example.com"


class Shape(Enum):
    """The kinds of connection: the extension, and one account or two."""

    AD_IN_PLACE = (Extension.ACTIVE_DIRECTORY, "in_place")
    AD_ALTERNATE = (Extension.ACTIVE_DIRECTORY, "alternate")
    ENTRA_IN_PLACE = (Extension.MICROSOFT_365, "in_place")
    ENTRA_ALTERNATE = (Extension.MICROSOFT_365, "alternate")

    @property
    def extension(self) -> Extension:
        """The connected system extension."""
        return self.value[0]

    @property
    def in_place(self) -> bool:
        """Say whether the one account changes in place."""
        return self.value[1] == "in_place"

    @property
    def in_domain(self) -> bool:
        """Say whether the accounts live in Active Directory."""
        return self.extension is Extension.ACTIVE_DIRECTORY

    @property
    def accounts(self) -> tuple[str, ...]:
        """The names of the accounts."""
        at = "corp.example.com" if self.in_domain else "contoso.example"
        return tuple(f"svc-{one}@{at}" for one in ("a" if self.in_place else "ab"))


_HOMES = {
    True: f"""
directories:
  - name: corp
    domain: corp.example.com
    base_dn: "DC=corp,DC=example,DC=com"
    controllers: ["{DC1}", "{DC2}"]
    reader: {{path: reader}}
    setter: {{path: setter}}
""",
    False: """
tenants:
  - name: contoso
    tenant_id: 6f0c2f0e-58d5-4c1b-9a5a-0d6f4f1f2a31
    domain: contoso.example
    verifier: {client_id: 1b7e9a52-3f64-4d0c-8c3e-7a90d1c2e4b5, credential: {path: verifier}}
    validator: {client_id: 8c2d4e6f-9a1b-4c3d-b5e7-f80912a3b4c6, credential: {path: validator}}
    setter: {client_id: 5a6b7c8d-1e2f-4a3b-9c4d-5e6f7a8b9c0d, credential: {path: setter}}
    probe_client_id: 3d5f7a91-2b4c-4e6d-8f10-a2b3c4d5e6f7
""",
}
_LIVES = {
    True: f'directory: corp, row: corp.example.com, validation_ou: "{UNIT}"',
    False: "tenant: contoso, row: contoso.example, validation_domain: contoso.example, "
    "consent: {manifest: example-not-the-vendors-list}",
}


@functools.cache
def inventory_of(shape: Shape) -> Inventory:
    """Return the inventory of a world of this shape."""
    accounts = ", ".join(f"{{username: {name}}}" for name in shape.accounts)
    text = f"""
version: 1
{_HOMES[shape.in_domain]}
services:
  - name: hq
    console: {{driver: bridge, url: "https://hq.corp.example.com", client: {{path: bridge}}}}
    connections:
      - {{name: hq, extension: {shape.extension.value}, mode: {shape.value[1]}, accounts: [{accounts}],
         secret: {{path: hq}}, rotated_by: orchestrator, password_policy: cayosoft,
         {_LIVES[shape.in_domain]}}}
"""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inventory.yaml"
        file.write_text(text)
        return load(file)
