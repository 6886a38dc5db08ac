"""The console's pages as a plain client sees them: links, forms with their hidden fields, texts."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from connectors.tls import tls_context
from tests.contracts.cayosoft.lab import DOMAIN, TENANT_DOMAIN, Lab

AD_PAGE = f"/console/extensions/active_directory/{DOMAIN}"
M365_PAGE = f"/console/extensions/microsoft_365/{TENANT_DOMAIN}"


class Pages:
    """One browser without a screen. ``seen`` is every answer that it got."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.seen: list[httpx.Response] = []
        self.page: httpx.Response

    def get(self, path: str) -> httpx.Response:
        """Open a page."""
        return self._keep(self.http.get(path))

    def press(self, action: str, **fields: str) -> httpx.Response:
        """Press a button: send the form that the page has for it, and go where that leads."""
        forms = re.findall(r"<form.*?</form>", self.page.text, re.DOTALL)
        with_button = [form for form in forms if f'action="{action}"' in form]
        if not with_button and f'form="settings" formaction="{action}"' in self.page.text:
            with_button = [form for form in forms if 'id="settings"' in form]
        assert with_button, f"{self.page.url} has no {action}"
        (token,) = re.findall(r'name="token" value="([0-9a-f]+)"', with_button[0])
        return self._keep(self.http.post(action, data={"token": token, **fields}))

    def sign_in(self, account: str, password: str) -> httpx.Response:
        """Open the console."""
        self.get("/console/")
        return self.press("/console/sign-in", account=account, password=password)

    def text(self) -> str:
        """Return the text of the page's main part, in one line."""
        main = re.search(r"<main.*</main>", self.page.text, re.DOTALL)
        assert main
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main[0])).split())

    def _keep(self, answer: httpx.Response) -> httpx.Response:
        self.seen += [*answer.history, answer]
        self.page = answer
        return answer


@contextmanager
def pages(lab: Lab, **more: Any) -> Iterator[Pages]:
    """Return a browser that has not signed in."""
    context = tls_context(lab.authority.ca_file, "test")
    with httpx.Client(
        base_url=lab.console.url,
        verify=context,
        trust_env=False,
        timeout=20,
        follow_redirects=True,
        **more,
    ) as http:
        yield Pages(http)
