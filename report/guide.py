"""The texts above the forms: the click path, where the password is, what to choose and report; a plan to approve.

The labels are the vendor's ("Update account credentials in Cayosoft Administrator" and the articles it names).
They differ between versions; both are given where both were seen. Markdown, which Prefect's form renders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.entra.remediation import RemediationPlan
from connectors.models import Engine, Extension, SecretHandle
from report.markdown import plain
from report.text import printable

CHECKBOX = "Consent on behalf of your organization"


@dataclass(frozen=True, slots=True)
class Guide:
    """What a person is asked to do in one extension. ``hours``: how long the form stays open.

    ``notes`` come first: what was handed over, or what speaks against the answer before. ``test_user`` is the
    UPN, name and department of the user that is to be created, changed and deleted (Microsoft 365).
    """

    service: str
    connection: str
    extension: Extension
    row: str
    account: str
    secret: SecretHandle
    hours: float
    notes: Sequence[str] = ()
    test_user: tuple[str, str, str] | None = None
    approval: str = ""


def guide(form: Guide) -> str:
    """Return the whole text of an extension's form."""
    path = {
        Extension.ACTIVE_DIRECTORY: _active_directory,
        Extension.MICROSOFT_365: _microsoft_365,
    }[form.extension](form)
    steps = "\n".join(f"{number}. {line}" for number, line in enumerate(path, 1))
    parts = (
        f"## Enter a new credential: {plain(form.connection)}",
        _notes(form.notes),
        (
            f"The credential was tried a moment ago and works. It is for {code(form.account)}, row "
            f"**{plain(form.row)}** of the service **{plain(form.service)}**."
        ),
        "### Where the password is",
        _where(form.secret),
        "### What to do",
        steps,
        "### What to report",
        (
            "What the screens showed, below. **Never put the password into this form**: Prefect keeps what you type. If "
            "you cannot finish, choose that somebody else takes over, or that you cannot, and say why in the remark."
        ),
        form.approval,
        (
            f"This form closes after {form.hours:g} hours. Whatever you report is compared with what the directory or the "
            "tenant shows, and you are told kindly where they differ."
        ),
    )
    return "\n\n".join(part for part in parts if part)


def summary(form: Guide) -> str:
    """Return what stands above the fields of Prefect's own form, where there is room for a few lines."""
    parts = (
        _notes(form.notes),
        # A line of its own: with many fields on a small screen it is the last one that is left.
        f"Enter **{plain(str(form.secret))}** in the console of **{plain(form.service)}**.",
        (
            f"It is for {code(form.account)}: do as the guide says, then report here. A choice opens by the arrows at its "
            "right end. Never type a password here; your name is kept, and nothing checks that it is yours."
        ),
    )
    return "\n\n".join(part for part in parts if part)


def ready(
    connection: str, account: str, hours: float, *, notes: Sequence[str] = (), approval: str = ""
) -> str:
    """Return the text of the form that is asked before a password is changed in place."""
    parts = (
        f"## Are you at the console? {plain(connection)}",
        _notes(notes),
        (
            f"The password of {code(account)} is about to be changed. From that moment until you have entered the new "
            "one, Cayosoft Administrator cannot work with it. So be signed in to the console first, with product role "
            "Global Administrators, and have Vault open; then answer. The next form follows within a minute and tells "
            "where the new password is."
        ),
        approval,
        f"Nothing is changed before you answer. This form closes after {hours:g} hours.",
    )
    return "\n\n".join(part for part in parts if part)


def plan_to_approve(
    connection: str, plan: RemediationPlan, *, notes: Sequence[str] = (), approval: str = ""
) -> str:
    """Return the text of the form that asks for a yes to a plan: what is granted, and who loses what."""
    steps = "\n".join(f"{number}. {plain(line)}" for number, line in enumerate(plan.lines(), 1))
    parts = (
        _notes(notes),
        f"## The consent of {plain(connection)} is not complete",
        f"Plan `{plan.digest}` for {plain(plan.account.upn)}, manifest {plain(plan.manifest.name)}:",
        steps,
        (
            "It is carried out in this order, within 15 minutes of your answer, and only as long as the tenant is still "
            "as it was when the plan was made. What is granted now is kept first; grants that are withdrawn or widened "
            "can be put back."
        ),
        approval,
    )
    return "\n\n".join(part for part in parts if part)


def code(text: str) -> str:
    """Show a name as it is: in running text an address would become a link."""
    return f"`{' '.join(printable(text).replace('`', '').split())}`"


def _notes(notes: Sequence[str]) -> str:
    return "\n\n".join(f"> **{plain(note)}**" for note in notes)


def _where(secret: SecretHandle) -> str:
    if secret.engine is Engine.LDAP:
        role = f"{secret.mount}/static-cred/{secret.path}"
        return (
            f"Vault's static role `{secret.path}` of the LDAP engine at `{secret.mount}`:\n\n"
            f"    vault read -field=password {role}"
        )
    return (
        f"Version **{secret.version}** of the secret `{secret.path}` in the KV engine at `{secret.mount}`. In Vault's own "
        f"pages: Secrets engines > {plain(secret.mount)} > {plain(secret.path)} > version {secret.version} > copy "
        "`password`. Or on your own machine:\n\n"
        f"    vault kv get -mount={secret.mount} -version={secret.version} -field=password {secret.path}"
    )


def _open(extension: str) -> list[str]:
    return [
        (
            "Start the Cayosoft Administrator console of this service, as somebody with the product role **Global "
            "Administrators**: only that role sees Configuration."
        ),
        (
            f"Open **Configuration > Connected System Extensions > {extension}** (in some versions *Connected Systems "
            "Extensions*)."
        ),
    ]


def _active_directory(form: Guide) -> list[str]:
    return [
        *_open("Active Directory"),
        f"Press the selector beside **Active Directory default credentials** of {plain(form.row)}.",
        f"Enter the user {code(form.account)} and the password from Vault.",
        "Press **Save** (in some versions *Save Changes*) in the settings page itself: closing the dialog is not enough.",
        "In the Actions pane press **Check Settings**, and note what it says.",
    ]


def _microsoft_365(form: Guide) -> list[str]:
    steps = [
        *_open("Microsoft 365"),
        (
            "Press **...** beside **Microsoft 365 default credentials** (in some versions *Microsoft 365 credentials*) of "
            f"{plain(form.row)}."
        ),
        (
            f"Enter the account {code(form.account)} and the password from Vault, press **Validate**, and when it "
            "succeeds **OK**."
        ),
        (
            "Press **Find or register the app** (in some versions *Register application in Azure*) and sign in with the same "
            "account."
        ),
        (
            f"At the permission request leave **{CHECKBOX} unticked**, and press **Accept**. The tick would give the "
            "permissions to every user of the tenant."
        ),
        (
            "Wait until the console has collected the tenant's data. Read the section **Entra ID application consent** (in "
            "some versions *Admin Consent*); press **Refresh** or **Grant Consent** if it is not complete."
        ),
    ]
    if form.test_user:
        upn, name, department = form.test_user
        steps.append(
            f"Try the product itself: in Cayosoft Administrator create the user `{upn}` with the display name `{name}`, "
            f"change its department to `{department}`, then delete it. The tenant's recycle bin is the proof."
        )
    return steps
