"""The inventory that describes a sandbox to the product, from the same seeds as everything else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

from sandbox import people
from sandbox.people import BASE_DN, DOMAIN, AppKey, ServiceSeed, TenantSeed


@dataclass(frozen=True)
class Addresses:
    """Where the systems of a sandbox answer; tenants and consoles by name."""

    ca_file: Path
    controllers: Sequence[str]
    tenants: Mapping[str, str]
    consoles: Mapping[str, str]


def write(
    file: Path,
    services: Sequence[ServiceSeed],
    addresses: Addresses,
    grace_period_hours: float | None = None,
    driver: str = "bridge",
) -> None:
    """Write the inventory, and beside it the consent manifest that it names."""
    manifest = file.parent / "consent-manifest.json"
    manifest.write_text(json.dumps(people.manifest(), indent=2))
    inventory = {
        "version": 1,
        "directories": [_directory(addresses, people.orchestrator_rotates(services))],
        "tenants": [_tenant(addresses, tenant) for tenant in people.tenants_of(services)],
        "services": [
            _service(addresses, seed, manifest, grace_period_hours, driver) for seed in services
        ],
    }
    yaml = YAML()
    yaml.default_flow_style = False
    with file.open("w") as opened:
        yaml.dump(inventory, opened)


def _directory(addresses: Addresses, with_setter: bool) -> dict[str, Any]:
    setter = {"setter": {"path": "orchestrator/ad-setter"}} if with_setter else {}
    return {
        "name": "corp",
        "domain": DOMAIN,
        "base_dn": BASE_DN,
        "controllers": list(addresses.controllers),
        "ca_file": str(addresses.ca_file),
        "reader": {"path": "orchestrator/ad-reader"},
        **setter,
    }


def _tenant(addresses: Addresses, seed: TenantSeed) -> dict[str, Any]:
    url = httpx.URL(addresses.tenants[seed.name])

    def identity(role: str, key: AppKey) -> dict[str, Any]:
        path = f"orchestrator/{seed.name}/{role}"
        return {"client_id": key.client_id, "credential": {"path": path}, "kind": "certificate"}

    return {
        "name": seed.name,
        "tenant_id": seed.tenant_id,
        "domain": seed.domain,
        "authority": str(url),
        "graph": str(url.join("/v1.0")),
        "ca_file": str(addresses.ca_file),
        **{role: identity(role, key) for role, key in seed.identities.items()},
        "probe_client_id": seed.probe_client_id,
    }


def _service(
    addresses: Addresses, seed: ServiceSeed, manifest: Path, grace: float | None, driver: str
) -> dict[str, Any]:
    bridge = {
        "url": addresses.consoles[seed.name],
        "ca_file": str(addresses.ca_file),
        "client": {"path": f"orchestrator/bridge/{seed.name}"},
    }
    return {
        "name": seed.name,
        "console": {"driver": driver, **(bridge if driver == "bridge" else {})},
        "connections": [
            {
                "name": f"{seed.name}-ad",
                "extension": "active_directory",
                "row": people.AD_ROW,
                "accounts": [{"username": upn} for upn in seed.ad_upns],
                "secret": {"path": f"cayosoft/{seed.name}/ad"},
                **_rotation(seed, grace),
                "directory": "corp",
                "validation_ou": seed.validation_ou,
                "managed_ous": [f"{people.MANAGED_OU},{BASE_DN}"],
            },
            {
                "name": f"{seed.name}-m365",
                "extension": "microsoft_365",
                "row": seed.tenant.domain,
                "accounts": [{"username": upn} for upn in seed.entra_upns],
                "secret": {"path": f"cayosoft/{seed.name}/m365"},
                **_rotation(seed, grace),
                "tenant": seed.tenant.name,
                "validation_domain": seed.tenant.domain,
                "consent": {"manifest": str(manifest), "policy": "ask"},
            },
        ],
    }


def _rotation(seed: ServiceSeed, grace: float | None) -> dict[str, Any]:
    if seed.rotated_by == "vault":
        return {"rotated_by": "vault"}
    fields = {
        "rotated_by": seed.rotated_by,
        "mode": seed.mode,
        "password_policy": people.PASSWORD_POLICY,
    }
    # A grace period is one of the account that is no longer used.
    wanted = grace is not None and seed.mode == "alternate"
    return {**fields, "grace_period_hours": grace} if wanted else fields
