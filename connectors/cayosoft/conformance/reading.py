"""Checks that only read: nothing at the console changes, whatever the bridge makes of them."""

from __future__ import annotations

import secrets

from connectors.cayosoft import wire
from connectors.cayosoft.conformance import expecting
from connectors.cayosoft.conformance.checks import Broken, Skipped, check
from connectors.cayosoft.conformance.trial import Trial, row_path
from connectors.cayosoft.problems import NEEDED_ROLE
from connectors.models import Extension
from connectors.secret import Secret

AD, M365 = Extension.ACTIVE_DIRECTORY, Extension.MICROSOFT_365
NOT_SIGNED_IN, NOT_FOUND = {401: "not-signed-in"}, {404: "not-found"}
_RULE_10 = "HTTPS only, verified, also on loopback. 401 comes before anything is done."


class ExtensionRows(wire.ExtensionWire):
    """GET extension, with the names of its rows."""

    rows: tuple[wire.Text, ...]


@check("B01", "without a token: 401", "rule 10", _RULE_10)
def no_token(trial: Trial) -> str:
    """Read the session without a token."""
    expecting.problem(trial.send("GET", "session"), NOT_SIGNED_IN)
    return "401 not-signed-in"


@check("B02", "with an unknown token: 401", "rule 10", _RULE_10)
def unknown_token(trial: Trial) -> str:
    """Read the session with a token that was never given."""
    unknown = Secret(secrets.token_urlsafe(32))
    expecting.problem(trial.send("GET", "session", token=unknown), NOT_SIGNED_IN)
    return "401 not-signed-in"


@check("B03", "401 comes before the input is judged", "rule 10", _RULE_10)
def before_anything(trial: Trial) -> str:
    """Send a draft that could not be one, of a row that is not there, without a token."""
    path = row_path(AD, "no such row", "/drafts")
    expecting.problem(trial.send("POST", path, body={}), NOT_SIGNED_IN)
    return "401 for a request that is wrong in every way"


@check("B04", "no bridge answers over plain HTTP", "rule 10", _RULE_10)
def plain_http(trial: Trial) -> str:
    """Ask the same port without TLS, and without any credential."""
    answer = trial.ask_plainly()
    if answer is None:
        return "nobody answers there"
    kind = str(answer.headers.get("content-type", ""))
    if answer.is_success or kind.startswith("application/problem+json"):
        raise Broken(f"the bridge answered over plain HTTP with {answer.status_code}")
    return f"refused with {answer.status_code}"


@check(
    "B05",
    "an unknown client gets no token",
    "openapi token",
    "Not signed in (RFC 6749, section 5.2).",
)
def unknown_client(trial: Trial) -> str:
    """Ask for a token as a client that cannot exist."""
    answer = trial.sign_in((f"nobody-{secrets.token_hex(8)}", secrets.token_urlsafe(16)))
    expecting.status(answer, 400, 401)
    error = expecting.body(answer, wire.TokenRefusalWire).error
    return f"{answer.status} {error}" if error.replace("_", "").isalnum() else str(answer.status)


@check(
    "B06",
    "the client gets a token",
    "openapi token",
    "Sign in with client credentials (RFC 6749, section 4.4). No refresh token is given.",
)
def token(trial: Trial) -> str:
    """Sign in with the client's id and secret in a Basic header, each form-encoded."""
    answer = trial.sign_in()
    expecting.status(answer, 200)
    found = expecting.body(answer, wire.TokenWire)
    trial.token = Secret(found.access_token)
    trial.sent.append(("the token", trial.token))
    if "refresh_token" in answer.members():
        raise Broken("a refresh token came with the token")
    return f"a token for {found.expires_in} s"


@check(
    "B07",
    "the session says who, which role, which service",
    "openapi session",
    "Say who is signed in, with which product role, to which service.",
)
def session(trial: Trial) -> str:
    """Read the session."""
    answer = trial.send("GET", "session", token=expecting.signed_in(trial))
    expecting.status(answer, 200)
    found = expecting.body(answer, wire.SessionWire)
    return (
        f"service {found.service!r}, product {found.product_version}, role {found.product_role!r}"
    )


@check(
    "B08",
    "the client has the role that may configure",
    "openapi security",
    f"Client credentials only. The client needs the product role {NEEDED_ROLE}.",
)
def role(trial: Trial) -> str:
    """Read the role from the session."""
    answer = trial.send("GET", "session", token=expecting.signed_in(trial))
    expecting.status(answer, 200)
    found = expecting.body(answer, wire.SessionWire).product_role
    if found != NEEDED_ROLE:
        raise Broken(f"the role is {found!r}: no other one sees the Configuration node")
    return found


@check(
    "B09",
    "an extension shows the names of its rows",
    "openapi extension",
    "The extension and the names of its connection rows.",
)
def extensions(trial: Trial) -> str:
    """Open both extensions; a bridge may stand for one of them."""
    told = []
    for extension in Extension:
        answer = trial.send(
            "GET", f"extensions/{extension.value}", token=expecting.signed_in(trial)
        )
        if answer.status == 404:
            expecting.problem(answer, NOT_FOUND)
            continue
        expecting.status(answer, 200)
        found = expecting.body(answer, ExtensionRows)
        if found.extension is not extension:
            raise Broken(f"{answer.request}: the answer is another extension")
        trial.rows += [(extension, name) for name in found.rows]
        told.append(f"{extension.value}: {len(found.rows)} rows")
    if not told:
        raise Broken("there is neither active_directory nor microsoft_365")
    return ", ".join(told)


@check(
    "B10",
    "an unknown extension: 404",
    "openapi extension",
    "not-found. No such extension, row, draft or permission request.",
)
def unknown_extension(trial: Trial) -> str:
    """Open an extension that no console has."""
    answer = trial.send("GET", "extensions/no_such_extension", token=expecting.signed_in(trial))
    expecting.problem(answer, NOT_FOUND)
    return "404 not-found"


@check(
    "B11",
    "every row, with its revision as ETag",
    "openapi row",
    "Read one connection row; never its password. The row's revision in double quotes.",
)
def rows(trial: Trial) -> str:
    """Read every row that the extensions have named."""
    for extension, name in _rows(trial):
        answer = trial.send("GET", row_path(extension, name), token=trial.token)
        found = expecting.row(answer, extension, name)
        if trial.row is None and trial.row_wanted in (None, (extension, name)):
            trial.row = found
    return f"{len(trial.rows)} read"


@check(
    "B12",
    "reading changes nothing",
    "rule 3",
    "Every save gives a new revision; none is used twice.",
)
def same_revision(trial: Trial) -> str:
    """Read a row twice: its revision is the same."""
    extension, name = _rows(trial)[0]
    path = row_path(extension, name)
    seen = {
        expecting.row(trial.send("GET", path, token=trial.token), extension, name).revision
        for _ in range(2)
    }
    if len(seen) > 1:
        raise Broken("two readings without a save in between show two revisions")
    return "the same revision twice"


@check(
    "B13",
    "an unknown row: 404",
    "openapi row",
    "The name of the connection row as the extension's page shows it, percent-encoded.",
)
def unknown_row(trial: Trial) -> str:
    """Read a row that is not there, whose name needs encoding."""
    extension = _rows(trial)[0][0]
    path = row_path(extension, f"no such/row ü {secrets.token_hex(4)}")
    expecting.problem(trial.send("GET", path, token=trial.token), NOT_FOUND)
    return "404 not-found"


@check(
    "B14",
    "the consent section in the console's words",
    "openapi consent",
    "Read the Entra ID application consent section as the console shows it.",
)
def consent(trial: Trial) -> str:
    """Read the consent section of every Microsoft 365 row; the tenant may say no."""
    tenants = [name for extension, name in _rows(trial) if extension is M365]
    if not tenants:
        raise Skipped("there is no Microsoft 365 row")
    told = []
    for name in tenants:
        answer = trial.send("GET", row_path(M365, name, "/consent"), token=trial.token)
        if answer.status == 424:
            expecting.problem(answer, {424: "directory-refused"})
            told.append("the tenant said no")
            continue
        expecting.status(answer, 200)
        expecting.body(answer, wire.ConsentWire)
        told.append("read")
    return ", ".join(told)


@check(
    "B15",
    "no consent section in Active Directory: 404",
    "openapi consent",
    "Consent exists for Microsoft 365 only.",
)
def no_consent_there(trial: Trial) -> str:
    """Ask an Active Directory row for its consent section."""
    names = [name for extension, name in _rows(trial) if extension is AD]
    if not names:
        raise Skipped("there is no Active Directory row")
    answer = trial.send("GET", row_path(AD, names[0], "/consent"), token=trial.token)
    expecting.problem(answer, NOT_FOUND)
    return "404 not-found"


def _rows(trial: Trial) -> list[tuple[Extension, str]]:
    expecting.signed_in(trial)
    if not trial.rows:
        raise Skipped("no row is known: see B09")
    return trial.rows
