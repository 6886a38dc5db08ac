"""The files and variables of this machine: whether they can be read, are right, and reach nobody else."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli.doctor.model import Check, NotLooked, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.words import many
from connectors.certificates import authority_dates
from connectors.vault.files import read_secret_file
from connectors.vault.settings import PREFIX, AuthKind, VaultSettings, variable
from inventory.loader import load
from inventory.models import Inventory
from inventory.problems import InventoryProblems
from inventory.settings import InventorySettings

OWN_VARIABLES = frozenset(
    {
        "ROTATION_INVENTORY",
        "ROTATION_RETRY_ATTEMPTS",
        "ROTATION_RETRY_BASE",
        "ROTATION_RETRY_CAP",
        "ROTATION_RETRY_LONGEST_WAIT",
    }
)
"""Variables of ours besides Vault's, which names its own wrong ones."""


@check(
    "configuration.inventory",
    "the inventory can be read and has no mistake",
    fault="The inventory cannot be used.",
    fix="Set ROTATION_INVENTORY to the inventory file, for example /etc/account-rotation/inventory.yaml",
)
def inventory(site: Site) -> str:
    """Load it for everybody else."""
    path = InventorySettings().path()
    try:
        site.inventory = load(path)
    except InventoryProblems as error:
        problems = error.problems
    else:
        found = site.inventory
        return f"{path}: {many(len(found.services), 'service')}, {many(len(list(connections(found))), 'connection')}"
    first, more = problems[0], len(problems) - 1
    also = f", and {more} more" if more else ""
    place = f"{first.file}:{first.line}: " + (f"{first.field}: " if first.field else "")
    raise Wrong(
        f"The inventory has a mistake: {place}{first.message}{also}.",
        f"{first.fix} See every mistake with: account-rotation inventory check {path}",
    )


@check(
    "configuration.inventory-file",
    "only its owner can change the inventory",
    fault="Others can change the inventory.",
    fix="Run: chmod go-w FILE",
)
def inventory_file(_site: Site) -> str:
    """Whoever can write it can have passwords sent to another machine."""
    path = InventorySettings().path()
    mode = path.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Wrong(
            f"Others can change the inventory {path} (mode {stat.S_IMODE(mode):03o}), and so the addresses that passwords go to.",
            f"Run: chmod go-w {path}",
        )
    return f"{path}, mode {stat.S_IMODE(mode):03o}"


@check(
    "configuration.variables",
    "every variable that begins with ROTATION_ is one that somebody reads",
    fault="A variable is read by nobody.",
    fix="Correct its name, or unset it.",
)
def variables(_site: Site) -> str:
    """A typo is a setting that is not in force."""
    mine = sorted(name for name in os.environ if name.startswith("ROTATION_"))
    unknown = [name for name in mine if name not in OWN_VARIABLES and not name.startswith(PREFIX)]
    if unknown:
        close = difflib.get_close_matches(unknown[0], OWN_VARIABLES, n=1)
        meant = f"Did you mean {close[0]}? " if close else ""
        raise Wrong(
            f"Nobody reads {', '.join(unknown)}.",
            f"{meant}Correct the name where the service is started, or: unset {' '.join(unknown)}",
        )
    return f"{many(len(mine), 'variable')}"


@check(
    "configuration.vault-settings",
    "the variables that begin with ROTATION_VAULT_ are complete and fit together",
    fault="The settings of Vault are not usable.",
    fix="Set ROTATION_VAULT_ADDR, ROTATION_VAULT_ROLE_ID and ROTATION_VAULT_SECRET_ID_FILE (README).",
)
def vault_settings(site: Site) -> str:
    """Read them for everybody else."""
    site.vault_settings = VaultSettings()
    return f"{site.vault_settings.addr}, sign-in by {site.vault_settings.auth.value}"


@check(
    "configuration.vault-login",
    "the file that holds the login to Vault can be read, by this user and its group only",
    fault="The login to Vault cannot be read safely.",
    fix="Write the secret into the file, and run: chmod 600 FILE",
)
def vault_login(site: Site) -> str:
    """Read it and drop it."""
    settings = site.vault_settings
    if settings is None:
        raise NotLooked("there are no settings")
    field = _login_field(settings)
    path: Path | None = getattr(settings, field)
    read_secret_file(path, variable(field))
    return f"{path}"


def _login_field(settings: VaultSettings) -> str:
    if settings.auth is AuthKind.TOKEN:
        return "token_file"
    return "wrapped_secret_id_file" if settings.wrapped_secret_id_file else "secret_id_file"


@dataclass(frozen=True, slots=True)
class AuthorityFile:
    """A file of certificates to trust, and the settings that name it."""

    path: Path
    named_by: str


@check(
    "configuration.ca-file",
    "each file of authorities to trust holds certificates that are valid today",
    fault="A file of authorities cannot be used.",
    fix="Name a PEM file with the certificate of the authority.",
)
def ca_file(_site: Site, file: AuthorityFile) -> str:
    """Read one file."""
    dates: tuple[datetime, ...] = ()
    why = "holds no certificate in PEM form"
    try:
        dates = authority_dates(file.path.read_bytes())
    except OSError as error:
        why = f"cannot be read ({type(error).__name__})"
    except ValueError:
        pass
    if not dates:
        raise Wrong(
            f"The CA file {file.path} {why}; {file.named_by} names it.",
            f"Write the PEM certificate of the authority there, readable by this user: ls -l {file.path}",
        )
    if max(dates) < datetime.now(UTC):
        raise Wrong(
            f"Every authority in {file.path} expired by {max(dates):%Y-%m-%d}; {file.named_by} names it.",
            f"Replace it by the authority's new certificate; see it with: openssl x509 -in {file.path} -noout -dates",
        )
    return f"{file.path}, {many(len(dates), 'certificate')}"


def connections(found: Inventory) -> Iterator[str]:
    """Yield the names of all connections."""
    for service in found.services:
        for item in service.connections:
            yield item.name


@dataclass(slots=True)
class Configured:
    """What later areas need of this one."""

    inventory: Check
    vault: Check
    ca_files: dict[Path, Check]

    def trust(self, path: Path | None) -> Check | None:
        """Return the check of a CA file; None for the machine's own store."""
        return self.ca_files.get(path) if path else None


def add(plan: Plan) -> Configured:
    """Look at inventory and settings now, since everything else follows from them."""
    whole = plan.add(inventory.on("")())
    plan.add(inventory_file.on("", [whole])())
    plan.add(variables.on("")())
    settings = plan.add(vault_settings.on("")())
    login = plan.add(vault_login.on("", [settings])())
    return Configured(whole, login, {})


def add_ca_files(plan: Plan, site: Site, configured: Configured) -> None:
    """Add the files that inventory and settings name, each once."""
    named: dict[Path, list[str]] = {}

    def note(path: Path | None, by: str) -> None:
        if path is not None:
            named.setdefault(path, []).append(by)

    if site.vault_settings:
        note(site.vault_settings.ca_file, variable("ca_file"))
    if found := site.inventory:
        for directory in found.directories:
            note(directory.ca_file, f"directories[{directory.name}].ca_file")
        for tenant in found.tenants:
            note(tenant.ca_file, f"tenants[{tenant.name}].ca_file")
        for service in found.services:
            note(service.console.ca_file, f"services[{service.name}].console.ca_file")
    for path, by in named.items():
        file = AuthorityFile(path, by[0] + (f" (and {len(by) - 1} more)" if len(by) > 1 else ""))
        configured.ca_files[path] = plan.add(ca_file.on(path.name)(file))
