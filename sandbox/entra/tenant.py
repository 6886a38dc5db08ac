"""The tenant: its objects, who they are to each other, and what has been granted to whom."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography import x509

from sandbox.entra.catalogue import ROLE_TEMPLATES
from sandbox.entra.passwords import Passwords
from sandbox.entra.records import Record, Records, Replication
from sandbox.standin.control import Control


@dataclass
class ClientCredential:
    """How one application proves itself: hash of its secret, or its certificate."""

    secret: str | None = None
    secret_expired: bool = False
    certificates: list[x509.Certificate] = field(default_factory=list)


class Tenant:
    """Everything that the stand-in knows. Hold ``lock`` while reading or writing."""

    def __init__(self, control: Control, tenant_id: str, domain: str) -> None:
        self.control, self.id, self.domain = control, tenant_id, domain
        self.lock = threading.RLock()
        self.url = ""
        self.replication = Replication(control)
        self.users = Records(self.replication)
        self.deleted_users = Records(self.replication)
        self.groups = Records(self.replication)
        self.role_assignments = Records(self.replication)
        self.role_eligibilities = Records(self.replication)
        self.applications = Records(self.replication)
        self.service_principals = Records(self.replication)
        self.assignments = Records(self.replication)
        self.grants = Records(self.replication)
        self.deleted_applications = Records(self.replication)
        self.deleted_service_principals = Records(self.replication)
        self.audits = Records(self.replication)
        self.clear()

    def clear(self) -> None:
        """Forget every object and every setting; the clock goes on."""
        for records in vars(self).values():
            if isinstance(records, Records):
                records.clear()
        self.replication.seconds, self.replication.index = 0.0, 0.0
        self.replication.writes = False
        self.passwords = Passwords(self.control)
        self.credentials: dict[str, ClientCredential] = {}
        self.federated_domains: set[str] = set()
        self.withheld: set[str] = set()
        self.product: Record = {}
        self.security_defaults = False
        self.conditional_access: list[Record] = []
        self.page_size = 100
        self.token_lifetime = 3599
        self.premium = True

    def user(self, reference: str) -> Record | None:
        """Find a user that a reader sees, by id or UPN."""
        for user in self.users.all_seen():
            if user["id"] == reference or same(user["userPrincipalName"], reference):
                return user
        return None

    def service_principal(self, app_id: str) -> Record | None:
        """Find a service principal that a reader sees, by app id."""
        return first(self.service_principals.all_seen(), appId=app_id)

    def application(self, app_id: str) -> Record | None:
        """Find an application that a reader sees, by app id."""
        return first(self.applications.all_seen(), appId=app_id)

    def roles(self, principal_id: str) -> set[str]:
        """Return the names of the directory roles that a principal holds now, at tenant scope."""
        holders = {principal_id, *(group["id"] for group in self.groups_of(principal_id))}
        names = {template: name for name, template in ROLE_TEMPLATES.items()}
        return {
            names[assignment["roleDefinitionId"]]
            for assignment in self.role_assignments.all_seen()
            if assignment["principalId"] in holders and assignment["directoryScopeId"] == "/"
        }

    def groups_of(self, principal_id: str) -> list[Record]:
        """Return the groups of a principal, through other groups too."""
        found: dict[str, Record] = {}
        ahead = [principal_id]
        while ahead:
            member = ahead.pop()
            for group in self.groups.all_seen():
                if member in group["_members"] and group["id"] not in found:
                    found[group["id"]] = group
                    ahead.append(group["id"])
        return list(found.values())

    def app_roles(self, client: Record, resource: Record) -> list[str]:
        """Return the values of the application permissions that a client holds on a resource."""
        held = {
            assignment["appRoleId"]
            for assignment in self.assignments.all_seen()
            if assignment["principalId"] == client["id"]
            and assignment["resourceId"] == resource["id"]
        }
        return sorted(role["value"] for role in resource["appRoles"] if role["id"] in held)

    def scopes(self, client: Record, resource: Record, user_id: str) -> list[str]:
        """Return the delegated permissions that a client holds for a user on a resource."""
        held = {
            scope
            for grant in self.grants.all_seen()
            if (grant["clientId"], grant["resourceId"]) == (client["id"], resource["id"])
            and grant["principalId"] in (None, user_id)
            for scope in grant["scope"].split()
        }
        return sorted(held)

    def resource(self, key: str) -> Record:
        """Return the newest service principal of a resource by app id; raise KeyError without it."""
        found = first(self.service_principals.all(), appId=key)
        if found is None:
            raise KeyError(key)
        return found


def same(one: str, other: str) -> bool:
    """Compare two names the way directories do."""
    return one.casefold() == other.casefold()


def first(records: Iterator[Record], **fields: object) -> Record | None:
    """Return the first record whose fields are these."""
    for record in records:
        if all(record.get(name) == value for name, value in fields.items()):
            return record
    return None


def new_id() -> str:
    """Return a new object id."""
    return str(uuid.uuid4())
