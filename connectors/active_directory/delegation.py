"""Say how a right that is missing is given: the command, or what stands in its way."""

from __future__ import annotations

from connectors.active_directory.effective import DELETED_CLASS
from connectors.active_directory.models import Right, RightCheck
from connectors.active_directory.names import parent_of

# Where the entry counts (T: the container and below; S: only below) and what it grants.
_DSACLS = {
    Right.CREATE_USER: ("/I:T", "CC;user"),
    Right.DELETE_USER: ("/I:T", "DC;user"),
    Right.RESET_PASSWORD: ("/I:S", "CA;Reset Password;user"),
    Right.WRITE_ATTRIBUTES: ("/I:S", "RPWP;;user"),
    Right.MANAGE_USER: ("/I:S", "RPWP;;user"),
    Right.FORCE_CHANGE: ("/I:S", "RPWP;pwdLastSet;user"),
    Right.READ_USER: ("/I:S", "RP;;user"),
    Right.CHANGE_MEMBERS: ("/I:S", "RPWP;member;group"),
    Right.CREATE_CONTACT: ("/I:T", "CC;contact"),
    Right.DELETE_CONTACT: ("/I:T", "DC;contact"),
    Right.CREATE_GROUP: ("/I:T", "CC;group"),
    Right.DELETE_GROUP: ("/I:T", "DC;group"),
    Right.CREATE_COMPUTER: ("/I:T", "CC;computer"),
    Right.DELETE_COMPUTER: ("/I:T", "DC;computer"),
    Right.READ_EVERYTHING: ("/I:T", "GR"),
}


def delegation_advice(check: RightCheck) -> str:
    """Return the dsacls command that gives the account the missing right on the container.

    A right on one user is given on the container that it is in. To be run by a person who may change
    the container's permissions.
    """
    inherit, grant = _DSACLS[check.right]
    if check.denial and check.denial.of_children:
        # Deleting as a child is denied; the right to delete on the objects themselves does without it.
        inherit, grant = "/I:S", f"SD;;{DELETED_CLASS[check.right]}"
    trustee = check.account or "DOMAIN\\ACCOUNT"
    container = parent_of(check.container) if check.on_user else check.container
    return f'dsacls "{container}" {inherit} /G "{trustee}:{grant}"'


def remedy(check: RightCheck) -> str:
    """Say what gives the account the missing right: a grant, or the removal of a denial that outweighs one."""
    command = delegation_advice(check)
    denial = check.denial
    if denial is None or denial.inherited or denial.of_children:
        return command
    return (
        f"{command}; but first remove the entry that denies it to {denial.trustee}, which no grant on "
        f'the same container outweighs: dsacls "{check.container}" lists it, Security > Advanced of the '
        "container in Active Directory Users and Computers removes it"
    )


def why_missing(check: RightCheck) -> str:
    """Say what a missing right was told from, and who is denied it where an entry denies it."""
    if check.denial is None:
        return check.how
    where = "inherited from above" if check.denial.inherited else "of the container itself"
    return f"an entry {where} denies it to {check.denial.trustee}; {check.how}"
