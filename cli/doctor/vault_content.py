"""What is in Vault, and what the orchestrator may do there: all that the inventory asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cli.doctor.configuration import Configured
from cli.doctor.model import Check, NotLooked, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.words import many
from connectors.errors import InvalidInput, NotFound, NotPermitted, OutOfStep
from connectors.models import Engine, SecretHandle
from inventory.models import Connection, Inventory, RotatedBy


@dataclass(slots=True)
class Needs:
    """What the orchestrator must be able to do at each API path, and for whom."""

    paths: dict[str, set[str]] = field(default_factory=dict)

    def may(self, path: str, *capabilities: str) -> None:
        """Add to what is needed at a path."""
        self.paths.setdefault(path, set()).update(capabilities)

    def read(self, secret: SecretHandle) -> None:
        """Need a secret with its metadata."""
        if secret.engine is Engine.LDAP:
            self.may(f"{secret.mount}/static-role/{secret.path}", "read")
            self.may(f"{secret.mount}/static-cred/{secret.path}", "read")
            return
        self.may(f"{secret.mount}/data/{secret.path}", "read")
        self.may(f"{secret.mount}/metadata/{secret.path}", "read")


def needs_of(found: Inventory) -> Needs:
    """Return what the inventory asks of Vault (docs/identities.md)."""
    needs = Needs()
    root = f"{found.ledgers.mount}/{{}}/{found.ledgers.path}/"
    for identity in identities(found):
        needs.read(identity.secret)
    for service in found.services:
        for item in service.connections:
            needs.read(item.secret.handle)
            needs.may(f"{root.format('data')}{item.name}/ledger", "create", "update", "read")
            needs.may(f"{root.format('metadata')}{item.name}/ledger", "read")
            if item.rotated_by is RotatedBy.ORCHESTRATOR:
                needs.may(f"{item.secret.mount}/data/{item.secret.path}", "update")
                staged = f"{item.name}/pending/any"
                needs.may(f"{root.format('data')}{staged}", "create", "update", "read")
                needs.may(f"{root.format('metadata')}{staged}", "read", "delete")
                needs.may(f"sys/policies/password/{item.password_policy}/generate", "read")
    return needs


@check(
    "vault.capabilities",
    "the orchestrator's policy lets it do everything that the inventory asks of it",
    fault="What the orchestrator may do in Vault cannot be told.",
    fix="Give it the policy of docs/identities.md: deployments/vault/apply.sh",
)
def capabilities(site: Site) -> str:
    """Ask for all paths at once; nothing is read or written there."""
    wanted = needs_of(site.known).paths
    held = site.vault.capabilities(sorted(wanted))
    missing = {
        path: sorted(need - set(held[path]))
        for path, need in sorted(wanted.items())
        if "root" not in held[path] and need - set(held[path])
    }
    site.denied.update(missing)
    if not missing:
        return f"{many(len(wanted), 'path')}"
    stanzas = [
        f'path "{path}" {{ capabilities = [{", ".join(map(_quoted, sorted(wanted[path])))}] }}'
        for path in missing
    ]
    first = next(iter(missing))
    more = f", and something at {many(len(missing) - 1, 'more path')}" if len(missing) > 1 else ""
    raise Wrong(
        f"The orchestrator's policy in Vault lacks {', '.join(missing[first])} at {first}{more}.",
        "Add to its policy (deployments/vault, docs/identities.md), then: vault policy write NAME FILE\n"
        + "\n".join(stanzas),
    )


def _quoted(text: str) -> str:
    return f'"{text}"'


@dataclass(frozen=True, slots=True)
class Identity:
    """One of the orchestrator's own identities: who it is, and the fields that its secret must have."""

    who: str
    secret: SecretHandle
    fields: tuple[str, ...]


def identities(found: Inventory) -> Iterator[Identity]:
    """Yield every identity whose credential lies in Vault."""
    for directory in found.directories:
        for role in ("reader", "setter"):
            place = getattr(directory, role)
            if place is not None:
                yield Identity(
                    f"{role} of {directory.name}", place.handle, ("username", "password")
                )
    for tenant in found.tenants:
        for role in ("verifier", "validator", "setter", "remediator"):
            app = getattr(tenant, role)
            if app is not None:
                wanted = (
                    ("client_secret",) if app.kind == "secret" else ("private_key", "certificate")
                )
                yield Identity(f"{role} of {tenant.name}", app.credential.handle, wanted)
    for service in found.services:
        if service.console.client is not None:
            client = service.console.client.handle
            yield Identity(
                f"bridge client of {service.name}", client, ("client_id", "client_secret")
            )


@check(
    "vault.identity",
    "the credential of each identity of ours is in Vault, with its fields",
    fault="The credential of an identity of ours cannot be read.",
    fix="Write it: vault kv put -mount=MOUNT PATH FIELD=@FILE ...",
)
def identity_secret(site: Site, identity: Identity) -> str:
    """Look whether the fields are there; their values are not looked at."""
    secret = identity.secret
    _require_permitted(site, f"{secret.mount}/data/{secret.path}")
    write = f"vault kv put -mount={secret.mount} {secret.path} " + " ".join(
        f"{name}=@FILE" for name in identity.fields
    )
    lacking: tuple[str, ...] = ()
    try:
        found = site.vault.document(secret)
    except NotFound:
        pass
    else:
        lacking = tuple(name for name in identity.fields if not found.get(name))
        if not lacking:
            return f"{secret}, {', '.join(identity.fields)}"
    what = f"has no {' and no '.join(lacking)}" if lacking else "is not in Vault"
    raise Wrong(f"The credential of the {identity.who}, {secret}, {what}.", f"Write it: {write}")


@check(
    "vault.secret",
    "each connection's credential is in Vault and names an account of the inventory",
    fault="The credential of a connection cannot be used.",
    fix="Write it: vault kv put -mount=MOUNT PATH username=... password=@FILE",
)
def secret_of(site: Site, item: Connection) -> str:
    """Read it as an update does; the password is dropped unseen."""
    handle = item.secret.handle
    paths = ("static-cred",) if handle.engine is Engine.LDAP else ("data", "metadata")
    _require_permitted(site, *(f"{handle.mount}/{kind}/{handle.path}" for kind in paths))
    write = (
        f"Write it: vault kv put -mount={handle.mount} {handle.path} username=... password=@FILE"
    )
    missing = False
    try:
        credential = site.vault.credential(handle)
    except NotFound:
        if handle.engine is Engine.LDAP:
            raise
        missing = True
    if missing:
        raise Wrong(
            f"Vault holds no readable version of {handle}, the credential of {item.name}.", write
        )
    known = [account.username for account in item.accounts]
    if not _among(credential.username, known, static=handle.engine is Engine.LDAP):
        raise Wrong(
            f"Vault's credential of {item.name}, {handle}, is of {credential.username}, which the inventory does not name.",
            f"Name it under accounts of {item.name} in the inventory, or correct the secret. The inventory names "
            f"{', '.join(known)}.",
        )
    return f"{credential.handle}, {credential.username}"


def _among(name: str, known: list[str], *, static: bool) -> bool:
    """Compare names; Vault's LDAP engine may tell one without its domain."""
    folded = {item.casefold() for item in known}
    if static and "@" not in name:
        folded |= {item.partition("@")[0].rpartition("\\")[2] for item in folded}
        name = name.rpartition("\\")[2]
    return name.casefold() in folded


def _require_permitted(site: Site, *paths: str) -> None:
    if denied := [path for path in paths if path in site.denied]:
        raise NotLooked(f"the policy does not give {denied[0]} (vault.capabilities)")


@check(
    "vault.password-policy",
    "the password policy that makes new passwords is there and works",
    fault="The password policy does not make passwords.",
    fix="vault write sys/policies/password/NAME policy=@deployments/vault/password-policy.hcl",
)
def password_policy(site: Site, name: str) -> str:
    """Let it make a password, which is dropped unseen."""
    path = f"sys/policies/password/{name}/generate"
    _require_permitted(site, path)
    found = True
    try:
        site.vault.generate_password(name)
    except NotFound:
        found = False
    if not found:
        raise Wrong(
            f"Vault has no password policy {name}, by which the orchestrator makes passwords.",
            f"vault write sys/policies/password/{name} policy=@deployments/vault/password-policy.hcl",
        )
    return f"sys/policies/password/{name}"


@check(
    "vault.static-role",
    "each static role is there, has rotated, and does not rotate when it is read",
    fault="A static role cannot be used.",
    fix="vault read MOUNT/static-role/NAME",
)
def static_role(site: Site, role: SecretHandle) -> str:
    """Read the role and not its password."""
    _require_permitted(site, f"{role.mount}/static-role/{role.path}")
    try:
        seen = site.vault.metadata(role)
    except (NotFound, InvalidInput, NotPermitted, OutOfStep) as error:
        fault = f"The static role {role.mount}/{role.path} cannot be used ({error})."
        fix = error.advice or f"vault read {role.mount}/static-role/{role.path}"
    else:
        return f"last rotated {seen.current.created:%Y-%m-%d %H:%M} UTC"
    raise Wrong(fault, fix)


@dataclass(slots=True)
class Vault:
    """What later areas need of Vault: the check of each secret by its place."""

    signed_in: Check
    secrets: dict[tuple[str, str], Check] = field(default_factory=dict)

    def of(self, secret: SecretHandle | None) -> Check | None:
        """Return the check of the secret at a place."""
        return self.secrets.get((secret.mount, secret.path)) if secret else None


def add(plan: Plan, site: Site, configured: Configured, signed_in: Check) -> Vault:
    """Add what the inventory asks of Vault."""
    made = Vault(signed_in)
    if site.inventory is None:
        plan.add(capabilities.on("", [configured.inventory])())
        return made
    permitted = plan.add(capabilities.on("", [signed_in])())
    _add_secrets(plan, site.inventory, made, permitted)
    return made


def _add_secrets(plan: Plan, found: Inventory, made: Vault, permitted: Check) -> None:
    # NOTE: after, not needs: a path that lacks in the policy hides no other one.
    needs, after = [made.signed_in], [permitted]
    for identity in identities(found):
        item = plan.add(identity_secret.on(identity.who, needs, after)(identity))
        made.secrets[identity.secret.mount, identity.secret.path] = item
    policies: set[str] = set()
    for service in found.services:
        for connection in service.connections:
            handle = connection.secret.handle
            mine = list(needs)
            if handle.engine is Engine.LDAP:
                mine.append(plan.add(static_role.on(connection.name, needs, after)(handle)))
            item = plan.add(secret_of.on(connection.name, mine, after)(connection))
            made.secrets[handle.mount, handle.path] = item
            if connection.rotated_by is RotatedBy.ORCHESTRATOR and connection.password_policy:
                policies.add(connection.password_policy)
    for name in sorted(policies):
        plan.add(password_policy.on(name, needs, after)(name))
