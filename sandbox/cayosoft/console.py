"""What the console does, whoever asks: the bridge or the web pages. No HTTP in here.

Nothing is remembered of a sign-in: every check and every operation signs in anew with the credential that
the row (or the draft) holds at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.cayosoft.active_directory import ActiveDirectory
from sandbox.cayosoft.problems import DirectoryRefused, NotThere, Wrong
from sandbox.cayosoft.records import Draft, Login, Row
from sandbox.cayosoft.store import Store
from sandbox.cayosoft.tenant import Held, Tenant

AD, M365 = "active_directory", "microsoft_365"
EXTENSIONS = (AD, M365)
FULL, PARTIAL, NONE = "Fully granted", "Partially granted", "Consent is not granted"


@dataclass(frozen=True)
class Screen:
    """What Check Settings or Validate shows."""

    ok: bool
    messages: tuple[str, ...]


@dataclass(frozen=True)
class Consent:
    """The Entra ID application consent section."""

    status: str
    rows: tuple[Held, ...]
    red_banner: bool
    collecting: bool


# Words that mean nothing yet: whoever does not wait reads them wrongly.
_COLLECTING = Consent(NONE, (), red_banner=True, collecting=True)


@dataclass(frozen=True)
class Seen:
    """The consent section as it was at the last look, ``at`` in seconds since the epoch."""

    revision: str
    at: float
    section: Consent


@dataclass
class Console:
    """One Administrator service. Times are seconds."""

    store: Store
    directory: ActiveDirectory | None
    tenant: Tenant | None
    now: Callable[[], float]
    draft_lifetime: float = 600.0
    collecting_reads: int = 2
    _seen: dict[str, Seen] = field(default_factory=dict, init=False, repr=False)

    def row(self, extension: str, row: str) -> Row:
        """Open an extension and locate a connection row."""
        self.must_exist(extension)
        return self.store.row(extension, row)

    def must_exist(self, extension: str) -> None:
        """Raise NotThere for an extension that the product does not have."""
        if extension not in EXTENSIONS:
            raise NotThere(extension)

    def enter(self, extension: str, row: str, revision: str, login: Login, label: str) -> Draft:
        """Enter a credential into a new draft."""
        self.store.expire(self.now())
        found = self.row(extension, row)
        expires_at = self.now() + self.draft_lifetime
        return self.store.open_draft(found, revision, login, label, expires_at)

    def save(self, draft_id: str, revision: str, key: str) -> Row:
        """Save a draft."""
        return self.store.save_draft(draft_id, revision, key, self.now())

    def validate(self, draft_id: str) -> Screen:
        """Sign in with the entered credential (Microsoft 365 only)."""
        draft = self.store.draft(draft_id, self.now())
        if draft.extension != M365:
            raise Wrong("draft")
        return self.try_out(draft.extension, self.store.entered(draft))

    def check_settings(self, extension: str, row: str) -> Screen:
        """Sign in with the saved credential."""
        self.row(extension, row)
        if not self.store.enabled(extension):
            return Screen(False, ("The extension is not enabled.",))
        return self.try_out(extension, self.store.held(extension, row))

    def sign_in(self, extension: str, login: Login) -> None:
        """Sign in to the extension's system, once; raise DirectoryRefused or DirectorySilent."""
        if extension == AD:
            self.ad().sign_in(login)
        else:
            self.entra().sign_in(login)

    def find_or_register_app(self, row: str, person: Login | None = None) -> tuple[str, str, bool]:
        """Find or register the app: app id, name, whether it is new.

        Signs in as ``person``, or as the connection account where nobody was asked.
        """
        self.row(M365, row)
        tenant = self.entra()
        token = tenant.sign_in(person or self.store.held(M365, row))
        app_id = tenant.find_app(token)
        registered_now = app_id is None
        if app_id is None:
            app_id = tenant.register_app(token)
        self.store.remember_app(M365, row, app_id)
        return app_id, tenant.app_display_name, registered_now

    def open_prompt(
        self, row: str, person: Login | None = None
    ) -> tuple[str, tuple[str, ...], bool]:
        """Open the permission prompt: id, permissions, whether all are granted already."""
        lines = self._held(row, person)
        permissions = tuple(f"{line.api}: {line.permission}" for line in lines)
        prompt = self.store.open_prompt(M365, row)
        return prompt, permissions, all(line.granted for line in lines)

    def accept(
        self, prompt: str, on_behalf_of_organization: bool, person: Login | None = None
    ) -> None:
        """Accept the prompt as ``person`` or the connection account; then the tenant's data is collected."""
        extension, row = self.store.prompt(prompt)
        login = person or self.store.held(extension, row)
        self.entra().consent(login, self._app_id(row), on_behalf_of_organization)
        self.store.collect(extension, row, self.collecting_reads)

    def consent(self, row: str) -> Consent:
        """Look at the consent section anew: signs in, unless data is still being collected."""
        section = self._look(row)
        self._seen[row] = Seen(self.row(M365, row).revision, self.now(), section)
        return section

    def seen(self, row: str) -> Seen | None:
        """Return the last look at the consent section; None before one with the saved credential."""
        found = self.row(M365, row)
        if found.collecting:
            return Seen(found.revision, self.now(), _COLLECTING)
        seen = self._seen.get(row)
        return seen if seen and seen.revision == found.revision else None

    def _look(self, row: str) -> Consent:
        self.row(M365, row)
        if self.store.still_collecting(M365, row):
            return _COLLECTING
        try:
            lines = tuple(self._held(row))
        except DirectoryRefused as refused:
            if refused.code != "AppNotFound":
                raise
            lines = ()
        granted = [line.granted for line in lines]
        status = FULL if granted and all(granted) else PARTIAL if any(granted) else NONE
        return Consent(status, lines, status != FULL, False)

    def ad(self) -> ActiveDirectory:
        """Return the managed domain."""
        if self.directory is None:
            raise NotThere(AD)
        return self.directory

    def entra(self) -> Tenant:
        """Return the managed tenant."""
        if self.tenant is None:
            raise NotThere(M365)
        return self.tenant

    def app_token(self, row: str) -> str:
        """Sign in through the API Access app as the connection account, for daily work."""
        return self.entra().sign_in(self.store.held(M365, row), self._app_id(row))

    def try_out(self, extension: str, login: Login) -> Screen:
        """Sign in and return what the screen says of it."""
        system = self.ad().domain if extension == AD else self.entra().domain
        try:
            self.sign_in(extension, login)
        except DirectoryRefused as refused:
            return Screen(
                False, (f"{login.account} could not sign in to {system}: {refused.code}",)
            )
        return Screen(True, (f"{login.account} signed in to {system}.",))

    def _held(self, row: str, person: Login | None = None) -> list[Held]:
        app_id = self._app_id(row)
        tenant = self.entra()
        return tenant.held(tenant.sign_in(person or self.store.held(M365, row)), app_id)

    def _app_id(self, row: str) -> str:
        """Return the row's app: the one remembered, or the one that the tenant has under its name."""
        app_id = self.row(M365, row).app_id
        if app_id is None:
            tenant = self.entra()
            app_id = tenant.find_app(tenant.sign_in(self.store.held(M365, row)))
        if app_id is None:
            raise DirectoryRefused("AppNotFound")
        self.store.remember_app(M365, row, app_id)
        return app_id
