"""The ids that are the same in every tenant: resources, their permissions, directory role templates."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

GRAPH = "00000003-0000-0000-c000-000000000000"
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
PASSWORD_METHOD = "28c10230-6103-485e-b985-444c60001490"
DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"

# Names by which configurations and commands may call a resource.
RESOURCES = {
    "microsoft graph": GRAPH,
    "graph": GRAPH,
    "exchange online": EXCHANGE,
    "office 365 exchange online": EXCHANGE,
}
DISPLAY_NAMES = {GRAPH: "Microsoft Graph", EXCHANGE: "Office 365 Exchange Online"}
AUDIENCES = {
    GRAPH: ("https://graph.microsoft.com", GRAPH),
    EXCHANGE: ("https://outlook.office365.com", "https://outlook.office.com", EXCHANGE),
}

# value: (application role id, delegated scope id); "-" where the kind does not exist.
_GRAPH_PERMISSIONS = """
User.Read - e1fe6dd8-ba31-4d61-89e7-88639da4683d
User.Read.All df021288-bdef-4463-88db-98f22de89214 a154be20-db9c-4678-8ab7-66f6cc099a59
User.ReadWrite.All 741f803b-c850-494e-b5df-cde7c675a1ca 204e0828-b5ca-4ad8-b9f3-f32a958e7cc4
User-PasswordProfile.ReadWrite.All cc117bb9-00cf-4eb8-b580-ea2a878fe8f7 56760768-b641-451f-8906-e1b8ab31bca7
User.EnableDisableAccount.All 3011c876-62b7-4ada-afa2-506cbbecc68c f92e74e7-2563-467f-9dd0-902688cb5863
User.DeleteRestore.All eccc023d-eccf-4e7b-9683-8813ab36cecc 4bb440cd-2cf2-4f90-8004-aa2acd2537c5
User.RevokeSessions.All 77f3a031-c388-4f99-b373-dc68676a979e fc30e98b-8810-4501-81f5-c20a3196387b
Directory.Read.All 7ab1d382-f21e-4acd-a863-ba3e13f7da61 06da0dbc-49e2-44d2-8312-53f166ab848a
Directory.ReadWrite.All 19dbc75e-c2e2-444c-a770-ec69d8559fc7 c5366453-9fb0-48a5-a156-24f0c49a4b84
Directory.AccessAsUser.All - 0e263e50-5827-48a4-b97c-d940288653c7
Application.Read.All 9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30 c79f8feb-a9db-4090-85f9-90d820caa0eb
Application.ReadWrite.All 1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9 bdfbf15f-ee85-4955-8675-146e8e5296b5
Application.ReadWrite.OwnedBy 18a4783c-866b-4cc7-a460-3d5e5662c884 -
AppRoleAssignment.ReadWrite.All 06b708a9-e830-4db3-a914-8e69da51d44f 84bccea3-f856-4a8a-967b-dbe0a3d53a64
DelegatedPermissionGrant.ReadWrite.All 8e8e4742-1d95-4f68-9d56-6ee75648c72a 41ce6ca6-6826-4807-84f1-1c82854f7ee5
RoleManagement.Read.Directory 483bed4a-2ad3-4361-a73b-c83ccdbdc53c 741c54c3-0c1e-44a1-818b-3f97ab4e8c83
RoleManagement.ReadWrite.Directory 9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8 d01b97e9-cbc0-49fe-810a-750afd5527a3
UserAuthenticationMethod.Read.All 38d9df27-64da-44fd-b7c5-a6fbac20248f aec28ec7-4d02-4e8c-b864-50163aea77eb
UserAuthenticationMethod.ReadWrite.All 50483e42-d915-4231-9639-7fdb7fd190e5 b7887744-6746-4312-813d-72daeaee7e2d
AuditLog.Read.All b0afded3-3588-46d8-8b3d-9842eff778da e4c9e354-4dc5-45b8-9e7c-e1393b0b1a20
Group.Read.All 5b567255-7703-4780-807c-7be8301ae99b 5f8c59db-677d-491f-a6b8-5f174b11ec1d
Group.ReadWrite.All 62a82d76-70ea-41e2-9197-370581804d09 4e46008b-f24c-477d-8fff-7bb4ec7aafe0
Organization.Read.All 498476ce-e0fe-48b0-b801-37ba7e2685c6 4908d5b9-3fb2-4b1e-9336-1888b7937185
openid - 37f7f235-527c-4136-accd-4a02d197296e
profile - 14dad69e-099b-42c9-810b-d002981feec1
email - 64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0
offline_access - 7427e0e9-2fba-42fe-b0c0-848c9e6a8182
RoleEligibilitySchedule.Read.Directory + +
Policy.Read.All + +
"""
# "+": the permission exists, its real id is not in our facts; the stand-in makes one up from the name.
_EXCHANGE_PERMISSIONS = """
Exchange.ManageAsApp + -
full_access_as_app + -
Exchange.Manage - +
"""
_TABLES = {GRAPH: _GRAPH_PERMISSIONS, EXCHANGE: _EXCHANGE_PERMISSIONS}

ROLE_TEMPLATES = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Privileged Authentication Administrator": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "Authentication Administrator": "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Cloud Application Administrator": "158c047a-c907-4556-b7ef-446551a6b5f7",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "Password Administrator": "966707d0-3269-4727-9be2-8c3a10f19b9d",
    "Groups Administrator": "fdd7a751-b60b-444a-984c-02652fe8fa1c",
    "License Administrator": "4d6ac14f-3453-41d0-bef9-a3e0c569773a",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "SharePoint Administrator": "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "Conditional Access Administrator": "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "Directory Writers": "9360feb5-f418-4baa-8175-e2a00bac4301",
    "Hybrid Identity Administrator": "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
}

_WEAK = frozenset({"Directory Readers", "Groups Administrator"})
# Role: holders of which roles it may set the password of (nobody's role: always).
PASSWORD_REACH = {
    "User Administrator": _WEAK
    | {"Helpdesk Administrator", "Password Administrator", "User Administrator"},
    "Helpdesk Administrator": frozenset({"Directory Readers", "Helpdesk Administrator"}),
    "Password Administrator": frozenset({"Directory Readers", "Password Administrator"}),
    "Authentication Administrator": frozenset({"Directory Readers"}),
    "Privileged Authentication Administrator": frozenset(ROLE_TEMPLATES),
    "Global Administrator": frozenset(ROLE_TEMPLATES),
}

_OURS = uuid.UUID("6a4d1f5e-3c0b-4e57-9a0e-52b1f3c8d7aa")


@dataclass(frozen=True)
class OfferedPermission:
    """One permission that a resource offers; ``kind`` is "application" or "delegated"."""

    kind: str
    value: str
    id: str


def resource_app_id(name: str) -> str:
    """Return the app id of a resource called by its name or by its app id."""
    return RESOURCES.get(name.casefold(), name)


def made_up_id(*parts: str) -> str:
    """Return the id that this stand-in gives, in every run alike, to what our facts have no id for."""
    return str(uuid.uuid5(_OURS, "/".join(parts)))


def offered(resource: str) -> list[OfferedPermission]:
    """Return what a resource offers to begin with; a resource that we do not know offers nothing."""
    found = []
    for line in _TABLES.get(resource, "").split("\n"):
        if line:
            value, *ids = line.split()
            for kind, text in zip(("application", "delegated"), ids, strict=True):
                if text != "-":
                    known = text if text != "+" else made_up_id(resource, kind, value)
                    found.append(OfferedPermission(kind, value, known))
    return found
