"""The rules that span fields, and the vendor's isolation of accounts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Broken = Callable[..., list[tuple[str, str, str, str]]]

AD = "services[hq].connections[hq-ad]"
M365 = "services[hq].connections[hq-m365]"
BRANCH = "services[branch].connections[branch-ad]"

SECOND_ROW = """\
      - name: more
        extension: active_directory
        row: CORP.example.com
        directory: corp
        accounts: [{username: more@corp.example.com}]
        secret: {path: more}
        rotated_by: vault
        validation_ou: OU=More,DC=corp,DC=example,DC=com
"""

# What is changed in the example (old, new), and what must be said: field, message.
RULES: dict[str, tuple[str, str, str, str]] = {
    "service twice": ("name: branch\n    console", "name: hq\n    console",
        "services[hq].name", "the same as in line"),
    "connection twice": ("name: branch-ad", "name: hq-ad",
        "services[branch].connections[hq-ad].name", "the same as in line"),
    "directory twice": ("name: branch\n    domain", "name: corp\n    domain",
        "directories[corp].name", "the same as in line"),
    "domain twice": ("domain: branch.example.com\n    base_dn: DC=branch",
        "domain: CORP.example.com\n    base_dn: DC=corp",
        "directories[branch].domain", "the same as in line"),
    "row twice": ("      - name: hq-m365\n", SECOND_ROW + "      - name: hq-m365\n",
        "services[hq].connections[more].row", "is the row of"),
    "unknown directory": ("directory: branch", "directory: brunch", f"{BRANCH}.directory",
        "brunch is none of the directories"),
    "unknown tenant": ("tenant: contoso", "tenant: fabrikam", f"{M365}.tenant",
        "fabrikam is none of the tenants"),
    "tenant for directory": ("directory: branch", "directory: contoso", f"{BRANCH}.directory",
        "contoso is one of the tenants, and this connection is active_directory"),
    "secret shared": ("path: cayosoft/hq-m365", "path: cayosoft/hq-ad", f"{M365}.secret",
        "is the secret of services[hq].connections[hq-ad] too"),
    "secret path with dots": ("path: cayosoft/hq-m365", "path: cayosoft/../hq", f"{M365}.secret.path",
        "dot segment"),
    "secret path with slash": ("path: cayosoft/hq-m365", "path: /cayosoft/hq", f"{M365}.secret.path",
        "empty or dot segment"),
    "secret path of the API": ("path: cayosoft/hq-m365", "path: data/hq", f"{M365}.secret.path",
        "begins with data/"),
    "alternate with one": ("        rotated_by: vault", "        rotated_by: vault\n        mode: alternate",
        f"{BRANCH}.accounts", "needs two that take turns"),
    "two without alternate": ("        mode: alternate\n", "", f"{AD}.accounts", "in_place uses one"),
    "no password policy": ("        password_policy: cayosoft\n        validation_domain", "        validation_domain",
        f"{M365}.password_policy", "rotated_by orchestrator needs it"),
    "no setter in the directory": ("    setter:\n      path: account-rotation/setters/corp\n", "",
        f"{AD}.rotated_by", "names no setter"),
    "static role of the orchestrator": ("        rotated_by: vault\n",
        "        password_policy: p\n        rotated_by: orchestrator\n",
        f"{BRANCH}.rotated_by", "is a static role that Vault rotates"),
    "static role without mount": ("          mount: ldap\n", "", f"{BRANCH}.secret.mount",
        "engine ldap needs it"),
    "static role in Entra": ("          path: cayosoft/hq-m365\n        rotated_by: orchestrator",
        "          path: cayosoft/hq-m365\n          engine: ldap\n          mount: ldap\n        rotated_by: vault",
        f"{M365}.secret.engine", "one of Entra ID"),
    "setter that is rotated": ("path: account-rotation/setters/corp", "path: cayosoft/hq-ad",
        "directories[corp].setter", "signs in with the secret of"),
    "LDAP without TLS": ("ldaps://dc2", "ldap://dc2", "directories[corp].controllers[1]", "without TLS"),
    "no LDAP address": ("ldaps://dc2", "https://dc2", "directories[corp].controllers[1]",
        "is no LDAPS address"),
    "console without TLS": ("https://cayosoft-hq", "http://cayosoft-hq", "services[hq].console.url",
        "without TLS"),
    "product without a bridge": ("        directory: branch\n",
        "        directory: branch\n        validation: product\n", f"{BRANCH}.validation", "only a person reaches"),
    "bridge without address": ("driver: operator", "driver: bridge\n      client: {path: x}",
        "services[branch].console.url", "driver bridge needs it"),
    "bridge without client": ("driver: operator", "driver: bridge\n      url: https://x\n      client:",
        "services[branch].console.client", "driver bridge needs it"),
    "Graph without TLS": ("cloud: public", "graph: http://127.0.0.1/v1.0", "tenants[contoso].graph",
        "without TLS"),
    "authority of another tenant": ("cloud: public", "authority: https://x/common",
        "tenants[contoso].authority", "more than scheme and host"),
    "no base": ("base_dn: DC=branch,DC=example,DC=com", "base_dn: branch", "directories[branch].base_dn",
        "is no base of a domain"),
    "base of another domain": ("base_dn: DC=branch", "base_dn: DC=brunch", "directories[branch].base_dn",
        "not the base of the domain"),
    "validation OU elsewhere": ("OU=Validation,DC=branch", "OU=Validation,DC=corp",
        f"{BRANCH}.validation_ou", "is not below the base_dn"),
    "validation OU relative": ("OU=Validation,DC=branch,DC=example,DC=com", "OU=Validation",
        f"{BRANCH}.validation_ou", "is not below the base_dn"),
    "managed elsewhere": ("        validation_ou: OU=Validation,DC=branch",
        "        managed_ous: [OU=People,DC=other]\n        validation_ou: OU=Validation,DC=branch",
        f"{BRANCH}.managed_ous[0]", "is not below the base_dn"),
    "validation in the whole domain": ("OU=Validation,DC=branch,", "DC=branch,", f"{BRANCH}.validation_ou",
        "is not below the base_dn"),
    "no UPN": ("svc-cayosoft-hq@contoso.example", "CONTOSO\\svc", f"{M365}.accounts[0].username",
        "no user principal name"),
    "DN for account": ("'BRANCH\\svc-cayosoft'", "CN=svc,DC=branch", f"{BRANCH}.accounts[0].username",
        "no account name"),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_keeps(name: str, broken: Broken) -> None:
    """A broken rule is told at the field that breaks it."""
    old, new, field, message = RULES[name]

    found = {where: (said, fix) for _, where, said, fix in broken(old, new)}

    assert message in found[field][0]
    assert found[field][1]


def test_takes_names_that_differ(broken: Broken) -> None:
    """DNs are compared as a directory compares them: case and blanks do not matter."""
    assert (
        broken("OU=Validation,DC=branch,DC=example", "ou=Validation, dc=BRANCH, dc=Example") == []
    )


# Two names in the branch's directory (branch.example.com), or its name and Guardian's: same account?
PAIRS = [
    (r"BRANCH\svc", r"branch\SVC", True),
    (r"BRANCH\svc", "svc@branch.example.com", True),
    (r"BRANCH\svc", "svc", True),
    ("svc", "SVC@Branch.Example.COM", True),
    (r"branch.example.com\svc", "svc@branch.example.com", True),
    (r"BRANCH\svc", "svc@mail.example", True),
    (r"LEGACY\svc", "svc@branch.example.com", True),
    ("svc@mail.example", "svc@other.example", False),
    ("svc@branch.example.com", "svc@mail.example", True),
    (r"BRANCH\svc", r"BRANCH\svc2", False),
    (r"BRANCH\svc", r"CORP\svc", False),
    (r"BRANCH\svc", "svc@corp.example.com", False),
]


def _two_accounts(broken: Broken, first: str, second: str) -> list[tuple[str, str, str, str]]:
    old = "          - username: 'BRANCH\\svc-cayosoft' # single quotes, because of the backslash\n"
    new = f"          - username: '{first}'\n          - username: '{second}'\n        mode: alternate\n"
    # A static role has one account, so the secret becomes one of the KV engine.
    role = "          engine: ldap\n          mount: ldap\n"
    return broken(old, new, change=lambda text: text.replace(role, ""))


@pytest.mark.parametrize(("first", "second", "same"), PAIRS)
def test_compares_accounts_in_every_form(
    first: str, second: str, same: bool, broken: Broken
) -> None:
    """Two names of one account are recognised, whatever forms they have."""
    found = _two_accounts(broken, first, second)

    assert [field for _, field, _, _ in found] == [f"{BRANCH}.accounts[1].username"] * same


@pytest.mark.parametrize(("first", "second", "same"), PAIRS)
def test_keeps_guardian_apart(first: str, second: str, same: bool, broken: Broken) -> None:
    """An account of Guardian is refused in a connection, whatever form its name has."""
    old = "'BRANCH\\svc-cayosoft' # single quotes, because of the backslash"

    def change(text: str) -> str:
        return text.replace("svc-guardian@corp.example.com", f"'{second}'")

    found = broken(old, f"'{first}'", change=change)

    assert [(f, "Guardian" in m) for _, f, m, _ in found] == [
        (f"{BRANCH}.accounts[0].username", True)
    ] * same


def test_keeps_services_apart(broken: Broken) -> None:
    """An account of one service is refused in another, and both places are named."""
    (found,) = broken(
        "row: branch.example.com\n        directory: branch\n        accounts:\n"
        "          - username: 'BRANCH\\svc-cayosoft'",
        "row: branch.example.com\n        directory: branch\n        accounts:\n"
        "          - username: 'CORP\\svc-cayosoft-hq-a'",
    )

    assert found[1] == f"{BRANCH}.accounts[0].username"
    assert "services[hq].connections[hq-ad]" in found[2]
    assert "vault and orchestrator would both change its password" in found[2]
    assert "an account of its own" in found[3]


def test_takes_a_synchronised_account_for_one(broken: Broken) -> None:
    """The same UPN in Active Directory and in Entra is one account."""
    found = broken("svc-cayosoft-hq@contoso.example", "svc-cayosoft-hq-a@CORP.example.com")

    assert [field for _, field, _, _ in found] == [f"{M365}.accounts[0].username"]


def test_the_policy_auto_needs_a_remediator(broken: Broken) -> None:
    """Where nobody may change grants, nothing can be granted without a person; with a remediator it can."""
    kept = "        path: account-rotation/setters/contoso-remediator\n"

    def without(text: str) -> str:
        begin, end = text.index("    remediator:\n"), text.index(kept) + len(kept)
        return text[:begin] + text[end:]

    assert broken("policy: ask", "policy: auto") == []
    (found,) = broken("policy: ask", "policy: auto", change=without)
    assert found[1] == f"{M365}.consent.policy"
    assert "names no remediator" in found[2]
    assert "policy: ask" in found[3]
