"""A person at the console of the sandbox, for tests: reads a form, works through the bridge, and reports back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from prefect.input import RunInput

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.models import ConnectionRow, Operation
from connectors.cayosoft.settings import BridgeSettings
from connectors.models import Extension, SecretHandle
from flows._form import ActiveDirectoryForm, Microsoft365Form, Readiness
from flows.asking import Form, answering
from inventory.wiring import open_inventory, open_systems
from sandbox.world import World

AD, M365 = Extension.ACTIVE_DIRECTORY, Extension.MICROSOFT_365


def read(pattern: str, text: str) -> str:
    """Take a fact out of a form, as a person reads it."""
    found = re.search(pattern, text)
    assert found, f"the form does not say {pattern}: {text}"
    return found[1].replace("\\", "")


@dataclass
class Person:
    """Somebody who follows the form, but for what a test tells otherwise. ``forms`` are those that were shown."""

    hands: BridgeConsole
    forgets_save: int = 0
    cancels: int = 0  # the permission request, so often
    tick: Callable[[], object] | None = (
        None  # the forbidden checkbox, which the bridge has no way to tick
    )
    approve: Callable[[str, dict[str, Any]], object] | None = (
        None  # writes a form's answer into Vault
    )
    answers: list[dict[str, Any]] = field(default_factory=list)  # said instead, first one first
    forms: list[Form[Any]] = field(default_factory=list)

    def answer(self, form: Form[Any]) -> RunInput:
        """Do what a form asks, and report it."""
        self.forms.append(form)
        said = self.answers.pop(0) if self.answers else {}
        if self.approve is not None and "approvals/YOUR-NAME" in form.text:
            self.approve(read(r"approvals/YOUR-NAME/(\S+) answer=", form.text), said)
        if form.kind is Readiness:
            ready = {"ready": "I am at the console: change the password", "your_name": "Op One"}
            return Readiness(**(ready | said))
        if "outcome" in said:
            untouched = {"your_name": "Op One", "check_settings": "I did not run it"}
            return form.kind(**(untouched | said))
        work: dict[type[RunInput], Callable[[str], dict[str, Any]]] = {
            ActiveDirectoryForm: self._active_directory,
            Microsoft365Form: self._microsoft_365,
        }
        done = work[form.kind](form.text)
        return form.kind(**(done | said))

    def _row(self, extension: Extension, text: str) -> ConnectionRow:
        return self.hands.connection_row(extension, read(r"row \*\*(.+?)\*\*", text))

    def _secret(self, text: str) -> SecretHandle:
        place = re.search(r"vault kv get -mount=(\S+) -version=(\d+) -field=password (\S+)", text)
        assert place, text
        return SecretHandle(place[1], place[3], int(place[2]))

    def _active_directory(self, text: str) -> dict[str, Any]:
        row = self._row(AD, text)
        draft = self.hands.enter_credential(row, self._secret(text), "by hand")
        if self.forgets_save:
            self.forgets_save -= 1
            self.hands.discard(draft)
        else:
            self.hands.save(draft, f"key-{len(self.forms)}-{draft.id}")
        # Whatever the screen says: a person reports that it passed.
        self.hands.check_settings(AD, row.row)
        return self._reported(check_settings="It passed")

    def _microsoft_365(self, text: str) -> dict[str, Any]:
        row = self._row(M365, text)
        draft = self.hands.enter_credential(row, self._secret(text), "by hand")
        assert self.hands.validate(draft).ok
        row = self.hands.save(draft, f"key-{len(self.forms)}-{draft.id}")
        self.hands.find_or_register_app(row, f"app-{draft.id}")
        request = self.hands.permission_request(row)
        box = "No request was shown"
        if self.cancels and not request.already_granted:
            self.cancels -= 1
        elif not request.already_granted:
            box = "Ticked" if self.tick else "Left unticked"
            self.hands.accept_permissions(
                request, on_behalf_of_organization=False, idempotency_key=f"accept-{draft.id}"
            )
            if self.tick:
                self.tick()
        while (shown := self.hands.consent(row)).collecting:
            pass
        tried = {"test_user": "I did not try it"}
        if shown.status == "Fully granted":
            tried = self._try_the_product(text)
        return self._reported(
            validate_said="It passed",
            on_behalf=box,
            consent_status=shown.status,
            **tried,
        )

    def _try_the_product(self, text: str) -> dict[str, str]:
        upn, name = read(r"create the user `(.+?)`", text), read(r"display name `(.+?)`", text)
        row = read(r"row \*\*(.+?)\*\*", text)
        work = (
            (Operation.ENTRA_CREATE_USER, {"upn": upn, "displayName": name}),
            (Operation.ENTRA_MODIFY_USER, {"id": upn, "department": read(r"department to `(.+?)`", text)}),
            (Operation.ENTRA_DELETE_USER, {"id": upn}),
        )  # fmt: skip
        for operation, arguments in work:
            done = self.hands.run_operation(M365, row, operation, arguments, f"{operation}-{upn}")
            assert done.ok, done
        return {"test_user": "Created, changed and deleted"}

    @staticmethod
    def _reported(**values: str) -> dict[str, Any]:
        return {"outcome": "I have saved the new credential", "your_name": "Op One", **values}


@contextmanager
def at_the_console(world: World, service: str = "hq") -> Iterator[Person]:
    """Have the forms of runs inside answered by somebody who works on a service's console."""
    with open_systems(open_inventory()) as systems:
        bridge = BridgeSettings(
            url=world.consoles[service].url,
            client=SecretHandle("kv", f"orchestrator/bridge/{service}"),
            ca_file=world.authority.ca_file,
        )
        hands = BridgeConsole(bridge, systems.vault)
        person = Person(hands)
        try:
            with answering(person.answer):
                yield person
        finally:
            hands.close()
