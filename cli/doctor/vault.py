"""Vault: whether it answers, and signs the orchestrator in, with no more power than it needs."""

from __future__ import annotations

from cli.doctor import tls
from cli.doctor.configuration import Configured
from cli.doctor.model import Check, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.tls import door_of
from connectors.vault.models import NodeState
from connectors.vault.settings import variable

DOORS = tls.doors("vault", "Vault")
SHORTEST_TOKEN = 120.0
"""Seconds that a token must live, for one step not to outlive it."""
_STATES = {
    NodeState.SEALED: ("is sealed", "Unseal it with: vault operator unseal"),
    NodeState.NOT_INITIALISED: ("is not initialised", "Initialise it with: vault operator init"),
    NodeState.CUT_OFF: (
        "is cut off from the active node",
        "Look at the cluster with: vault status",
    ),
    NodeState.REMOVED: (
        "was removed from its cluster",
        f"Set {variable('addr')} to a node that is a member; see: vault operator raft list-peers",
    ),
    NodeState.DISASTER_RECOVERY_SECONDARY: (
        "is a disaster-recovery secondary",
        f"Set {variable('addr')} to the primary cluster.",
    ),
}


@check(
    "vault.state",
    "Vault is unsealed and serves requests",
    fault="Vault does not say how it is.",
    fix="Look at it with: vault status",
)
def state(site: Site) -> str:
    """A standby passes requests on, and is fine."""
    health = site.vault.health()
    site.clock_of("Vault", health.clock)
    if not health.serves:
        what, fix = _STATES[health.state]
        raise Wrong(f"The node of Vault that answers {what}.", fix)
    return f"{health.state.value}, version {health.version or 'not told'}"


@check(
    "vault.sign-in",
    "Vault signs the orchestrator in",
    fault="Vault does not sign the orchestrator in.",
    fix="Make a new SecretID: vault write -f auth/approle/role/ROLE/secret-id",
)
def sign_in(site: Site) -> str:
    """One sign-in; its token is given back at the end."""
    facts = site.vault.token()
    return "signed in" + (f", policies {', '.join(facts.policies)}" if facts else "")


@check(
    "vault.token",
    "the token lasts long enough, or can be renewed",
    fault="The token ends too soon.",
    fix="vault write auth/approle/role/ROLE token_ttl=20m token_max_ttl=1h",
    warns=True,
)
def token(site: Site) -> str:
    """What ends and cannot be renewed stops a run half-way."""
    facts = site.vault.token()
    if facts is None:
        return "could not be told: the token may not look itself up"
    if facts.seconds is None:
        return "does not end"
    if facts.seconds < SHORTEST_TOKEN and not facts.renewable:
        raise Wrong(
            f"The orchestrator's token ends in {facts.seconds:.0f} s and cannot be renewed.",
            "Let it live longer: vault write auth/approle/role/ROLE token_ttl=20m token_max_ttl=1h; with a token file, "
            "look at what keeps it fresh (Vault Agent).",
        )
    return f"{facts.seconds:.0f} s, {'renewable' if facts.renewable else 'not renewable'}"


@check(
    "vault.too-much-power",
    "the orchestrator's token is not a root token",
    fault="The orchestrator has more power in Vault than it needs.",
    fix="Give it an AppRole with the policy of docs/identities.md: deployments/vault/apply.sh",
    warns=True,
)
def too_much_power(site: Site) -> str:
    """Whoever steals it would have all of Vault."""
    facts = site.vault.token()
    policies = facts.policies if facts else ()
    held = site.vault.capabilities(["sys/policies/acl/any", "sys/auth/any", "sys/raw/any"])
    powers = sorted(path for path, may in held.items() if {"root", "sudo"} & set(may))
    if "root" in policies or powers:
        what = (
            "is a root token" if "root" in policies else f"has sudo or root on {', '.join(powers)}"
        )
        raise Wrong(
            f"The orchestrator's token {what}: whoever steals it has all of Vault.",
            "Give it an AppRole with the policy of docs/identities.md: deployments/vault/apply.sh; then set "
            f"{variable('role_id')} and {variable('secret_id_file')}, and revoke the token: vault token revoke -self",
        )
    return f"policies {', '.join(policies) or 'not told'}"


def add(plan: Plan, site: Site, configured: Configured) -> Check:
    """Add everything about the server and our sign-in; return the check of the sign-in."""
    settings = site.vault_settings
    needs: list[Check | None] = [configured.vault]
    if settings is not None and settings.addr.startswith("https"):
        door = door_of(settings.addr, settings.ca_file, variable("ca_file"), variable("addr"))
        trust = configured.trust(settings.ca_file)
        needs.append(DOORS.add(plan, "", door, configured.vault, trust))
    served = plan.add(state.on("", needs)())
    signed_in = plan.add(sign_in.on("", [served])())
    plan.add(token.on("", [signed_in])())
    plan.add(too_much_power.on("", [signed_in])())
    return signed_in
