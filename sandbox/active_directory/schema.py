"""The attributes and classes that this directory knows, with the GUIDs that access rights name them by."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import Enum


class Syntax(Enum):
    """How values of an attribute are written and compared."""

    TEXT = "1.3.6.1.4.1.1466.115.121.1.15"
    NUMBER = "1.2.840.113556.1.4.906"
    DN = "1.3.6.1.4.1.1466.115.121.1.12"
    BYTES = "1.3.6.1.4.1.1466.115.121.1.40"
    BOOLEAN = "1.3.6.1.4.1.1466.115.121.1.7"
    TIME = "1.3.6.1.4.1.1466.115.121.1.24"
    CLASS = "1.3.6.1.4.1.1466.115.121.1.38"


@dataclass(frozen=True)
class Attribute:
    """One attribute.

    ``owned``: only the directory itself writes it. ``constructed``: computed on request.
    ``of_users``: a user may have it.
    """

    name: str
    syntax: Syntax
    single: bool
    guid: uuid.UUID
    property_set: uuid.UUID | None
    owned: bool
    constructed: bool
    of_users: bool

    @property
    def rights_guids(self) -> frozenset[uuid.UUID]:
        """The GUIDs under which the right to write it may be given."""
        return frozenset({self.guid} | ({self.property_set} if self.property_set else set()))


@dataclass(frozen=True)
class ObjectClass:
    """One structural class: its chain of classes, what names its entries, their default DACL."""

    name: str
    chain: tuple[str, ...]
    rdn: str
    guid: uuid.UUID
    category: str
    default: str = ""

    @property
    def schema_name(self) -> str:
        """The name of its entry in the schema."""
        return self.name.capitalize() if self.category == "Person" else self.category


RESET_PASSWORD = uuid.UUID("00299570-246d-11d0-a768-00aa006e0529")
CHANGE_PASSWORD = uuid.UUID("ab721a53-1e2f-11d0-9819-00aa0040529b")
ACCOUNT_RESTRICTIONS = uuid.UUID("4c164200-20c0-11d0-a768-00aa006e0529")
PERSONAL_INFORMATION = uuid.UUID("77b5b886-944a-11d1-aebd-0000f80367c1")
PUBLIC_INFORMATION = uuid.UUID("e48d0154-bcf8-11d1-8702-00c04fb96050")
GENERAL_INFORMATION = uuid.UUID("59ba2f42-79a2-11d0-9020-00c04fc2d3cf")
MEMBERSHIP = uuid.UUID("bc0ac240-79a9-11d0-9020-00c04fc2d4cf")
WEB_INFORMATION = uuid.UUID("e45795b3-9455-11d1-aebd-0000f80367c1")
_UNVERIFIED = uuid.UUID("6a1c0d9e-53c4-4e0c-9d43-0c2a9a1f5b11")  # name space of made-up GUIDs

_GUIDS = {
    "useraccountcontrol": "bf967a68-0de6-11d0-a285-00aa003049e2",
    "pwdlastset": "bf967a0a-0de6-11d0-a285-00aa003049e2",
    "lockouttime": "28630ebf-41d5-11d1-a9c1-0000f80367c1",
    "accountexpires": "bf967915-0de6-11d0-a285-00aa003049e2",
    "displayname": "bf967953-0de6-11d0-a285-00aa003049e2",
    "description": "bf967950-0de6-11d0-a285-00aa003049e2",
    "member": "bf9679c0-0de6-11d0-a285-00aa003049e2",
    "cn": "bf96793f-0de6-11d0-a285-00aa003049e2",
    "name": "bf967a0e-0de6-11d0-a285-00aa003049e2",
    "samaccountname": "3e0abfd0-126a-11d0-a060-00aa006c33ed",
    "userprincipalname": "28630ebb-41d5-11d1-a9c1-0000f80367c1",
    "unicodepwd": "bf9679e1-0de6-11d0-a285-00aa003049e2",
    "mail": "bf967961-0de6-11d0-a285-00aa003049e2",
    "givenname": "f0f8ff8e-1191-11d0-a060-00aa006c33ed",
    "sn": "bf967a41-0de6-11d0-a285-00aa003049e2",
}
_PROPERTY_SETS = {
    **dict.fromkeys(
        ("useraccountcontrol", "pwdlastset", "accountexpires", "userparameters"),
        ACCOUNT_RESTRICTIONS,
    ),
    **dict.fromkeys(
        ("telephonenumber", "mobile", "l", "st", "postalcode", "streetaddress", "c",
         "physicaldeliveryofficename", "thumbnailphoto"),
        PERSONAL_INFORMATION,
    ),
    "wwwhomepage": WEB_INFORMATION,
    "description": PUBLIC_INFORMATION,
    "displayname": GENERAL_INFORMATION,
    "member": MEMBERSHIP,
}  # fmt: skip

# Of users; "!": the directory's own, "*": several values.
_TEXT = """
    cn name! sAMAccountName userPrincipalName displayName description givenName sn initials mail
    department company title telephoneNumber mobile info comment employeeID employeeNumber
    employeeType physicalDeliveryOfficeName streetAddress l st postalCode co c wWWHomePage
    homeDirectory homeDrive profilePath scriptPath userWorkstations servicePrincipalName* uid*
    proxyAddresses* otherMailbox* extensionAttribute1 extensionAttribute2 extensionAttribute3
"""
_NUMBERS = """
    userAccountControl pwdLastSet lockoutTime accountExpires instanceType! sAMAccountType!
    primaryGroupID badPwdCount! badPasswordTime! lastLogon! lastLogonTimestamp! lastLogoff! logonCount! codePage
    countryCode adminCount uSNCreated! uSNChanged!
"""
_NAMES = "distinguishedName! memberOf!* manager directReports!* objectCategory!"
_BYTES = "objectGUID! objectSid! unicodePwd nTSecurityDescriptor userParameters thumbnailPhoto"
_CONSTRUCTED = {
    Syntax.NUMBER: "msDS-User-Account-Control-Computed msDS-UserPasswordExpiryTimeComputed "
    "sDRightsEffective",
    Syntax.TEXT: "allowedAttributesEffective* allowedChildClassesEffective* canonicalName*",
    Syntax.DN: "msDS-ResultantPSO",
    Syntax.BYTES: "tokenGroups*",
}
_OTHERS = {
    Syntax.TEXT: "ou dc dnsRoot* nETBIOSName lDAPDisplayName defaultSecurityDescriptor",
    Syntax.NUMBER: "groupType systemFlags lockoutThreshold lockoutDuration lockOutObservationWindow "
    "maxPwdAge minPwdAge minPwdLength pwdHistoryLength pwdProperties msDS-Behavior-Version "
    "msDS-LockoutThreshold msDS-LockoutDuration msDS-LockoutObservationWindow msDS-MaximumPasswordAge "
    "msDS-MinimumPasswordAge msDS-MinimumPasswordLength msDS-PasswordHistoryLength "
    "msDS-PasswordSettingsPrecedence nTMixedDomain ms-DS-MachineAccountQuota",
    Syntax.DN: "member* nCName msDS-PSOAppliesTo*",
    Syntax.BYTES: "schemaIDGUID",
    Syntax.BOOLEAN: "msDS-PasswordComplexityEnabled msDS-PasswordReversibleEncryptionEnabled",
}


def _table() -> dict[str, Attribute]:
    known: dict[str, Attribute] = {}

    def add(names: str, syntax: Syntax, *, constructed: bool = False, users: bool = True) -> None:
        for word in names.split():
            name = word.rstrip("!*")
            low = name.lower()
            guid = uuid.UUID(_GUIDS[low]) if low in _GUIDS else uuid.uuid5(_UNVERIFIED, low)
            known[low] = Attribute(
                name,
                syntax,
                "*" not in word,
                guid,
                _PROPERTY_SETS.get(low),
                "!" in word or constructed,
                constructed,
                users,
            )

    add(_TEXT, Syntax.TEXT)
    add(_NUMBERS, Syntax.NUMBER)
    add(_NAMES, Syntax.DN)
    add(_BYTES, Syntax.BYTES)
    add("whenCreated! whenChanged!", Syntax.TIME)
    add("objectClass*", Syntax.CLASS)
    add("isCriticalSystemObject!", Syntax.BOOLEAN)
    for syntax, names in _CONSTRUCTED.items():
        add(names, syntax, constructed=True)
    for syntax, names in _OTHERS.items():
        add(names, syntax, users=False)
    return known


ATTRIBUTES = _table()


_FULL, _READ = "RPWPCRCCDCLCLORCWOWDSDDTSW", "RPLCLORC"
_PLAIN = f"D:(A;;{_FULL};;;DA)(A;;{_FULL};;;SY)(A;;{_READ};;;AU)"
_GROUP = f"D:(A;;{_FULL};;;DA)(A;;{_FULL};;;SY)(A;;{_FULL};;;AO)(A;;{_READ};;;PS)(A;;{_READ};;;AU)"
_USER = (
    f"{_GROUP}(OA;;CR;{CHANGE_PASSWORD};;PS)(OA;;CR;{CHANGE_PASSWORD};;WD)"
    f"(OA;;RPWP;{PERSONAL_INFORMATION};;PS)(OA;;RPWP;{WEB_INFORMATION};;PS)"
)
_CREATED_BY_OPERATORS = (
    "bf967aba-0de6-11d0-a285-00aa003049e2",
    "bf967a9c-0de6-11d0-a285-00aa003049e2",
    "bf967a86-0de6-11d0-a285-00aa003049e2",
)
_DEFAULTS = {
    "user": _USER,
    "computer": _USER,
    "contact": _GROUP,
    "group": _GROUP,
    "organizationalUnit": _PLAIN
    + "".join(f"(OA;;CCDC;{guid};;AO)" for guid in _CREATED_BY_OPERATORS),
    "container": _PLAIN,
}


def _class(name: str, chain: str, rdn: str, guid: str, category: str) -> ObjectClass:
    default = _DEFAULTS.get(name, "")
    return ObjectClass(name, (*chain.split(), name), rdn, uuid.UUID(guid), category, default)


CLASSES = {
    found.name.lower(): found
    for found in (
        _class("user", "top person organizationalPerson", "CN",
               "bf967aba-0de6-11d0-a285-00aa003049e2", "Person"),
        _class("computer", "top person organizationalPerson user", "CN",
               "bf967a86-0de6-11d0-a285-00aa003049e2", "Computer"),
        _class("contact", "top person organizationalPerson", "CN",
               "5cb41ed0-0e4c-11d0-a286-00aa003049e2", "Person"),
        _class("group", "top", "CN", "bf967a9c-0de6-11d0-a285-00aa003049e2", "Group"),
        _class("organizationalUnit", "top", "OU",
               "bf967aa5-0de6-11d0-a285-00aa003049e2", "Organizational-Unit"),
        _class("container", "top", "CN", "bf967a8b-0de6-11d0-a285-00aa003049e2", "Container"),
        _class("domainDNS", "top domain", "DC",
               "19195a5b-6da0-11d0-afd3-00c04fd930c9", "Domain-DNS"),
        _class("classSchema", "top", "CN", "bf967a83-0de6-11d0-a285-00aa003049e2", "Class-Schema"),
        _class("crossRef", "top", "CN", "bf967a8d-0de6-11d0-a285-00aa003049e2", "Cross-Ref"),
        _class("msDS-PasswordSettings", "top", "CN",
               "3bcd9db8-f84b-451c-952f-6c52b81f9ec6", "ms-DS-Password-Settings"),
        _class("msDS-PasswordSettingsContainer", "top", "CN",
               "5b06b06a-4cf3-44c0-bd16-43bc10a987da", "ms-DS-Password-Settings-Container"),
    )
}  # fmt: skip
SHOWN = ("user", "group", "organizationalUnit", "computer", "contact", "container")
CREATABLE = (*SHOWN, "msDS-PasswordSettings")
USER_CLASS = CLASSES["user"].guid


def attribute(name: str) -> Attribute | None:
    """Look an attribute up, whatever its case and options; None when it is not known."""
    return ATTRIBUTES.get(name.partition(";")[0].lower())


def class_named(values: list[bytes]) -> ObjectClass | None:
    """Return the most specific class among the values of objectClass."""
    found = [
        CLASSES[name]
        for value in values
        if (name := value.decode("utf-8", "replace").lower()) in CLASSES
    ]
    return max(found, key=lambda one: len(one.chain), default=None)
