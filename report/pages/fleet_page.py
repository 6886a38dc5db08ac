"""The fleet as one page that a monitoring screen or an auditor can keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from report.fleet import SIGNS, Row, Standing
from report.pages.frame import advice, badge, page
from report.pages.markup import Markup, element
from report.pages.words import age, moment, version

_TONES = {
    Standing.PERSON: "bad",
    Standing.UNTOLD: "bad",
    Standing.AT_WORK: "good",
    Standing.IN_ORDER: "good",
}
"""What runs by themselves will see to is a warning."""
_HEADS = ("standing", "connection", "account", "version", "verified", "consent", "findings")


def render(rows: Sequence[Row], now: datetime, late_after: float) -> str:
    """Return the page; ``late_after`` is in hours."""
    services = sorted({row.service for row in rows})
    title = f"Connection accounts: {_headline(rows)}"
    header = (
        element("p", f"Account rotation: status of {', '.join(services)}", class_="soft"),
        element("h1", title),
        element(
            "p", f"As of {moment(now)}. Read from the ledgers and Vault's metadata.", class_="soft"
        ),
        _tally(rows),
    )
    due = [row for row in rows if row.why and row.standing is not Standing.AT_WORK]
    main = (
        element("h2", "What to look at"),
        *(map(_card, due) if due else (element("p", "Nothing: every connection is in order."),)),
        element("h2", "All connections"),
        _table(rows, now),
    )
    footer = (
        element(
            "p",
            "Version: what the console was given / the newest in Vault. Verified: when a run last proved that what "
            f"the console holds signs in; late after {late_after:g} hours. Consent and findings are those of the last run.",
        ),
        element("p", "No password, key or token is part of this page."),
    )
    return page(title, header, main, footer)


def _headline(rows: Sequence[Row]) -> str:
    fine = sum(row.standing in (Standing.IN_ORDER, Standing.AT_WORK) for row in rows)
    return "all in order" if fine == len(rows) else f"{len(rows) - fine} of {len(rows)} to look at"


def _badge(standing: Standing) -> Markup:
    return badge(f"{SIGNS[standing]} {standing.value}", _TONES.get(standing, "warn"))


def _tally(rows: Sequence[Row]) -> Markup:
    counted = Counter(row.standing for row in rows)
    items = (
        element("li", badge(f"{SIGNS[it]} {counted[it]} {it.value}", _TONES.get(it, "warn")))
        for it in Standing
        if counted[it]
    )
    return element("ul", *items, class_="tally", aria_label="How many stand how")


def _card(row: Row) -> Markup:
    tone = _TONES.get(row.standing, "warn")
    return element(
        "div",
        element("h3", f"{SIGNS[row.standing]} {row.connection}: {row.standing.value}"),
        element("p", row.why),
        advice(row.what_to_do) if row.what_to_do else None,
        _findings(row),
        class_=f"note {tone}",
    )


def _findings(row: Row) -> Markup | None:
    last = row.ledger.last_run if row.ledger else None
    if last is None or not last.findings or row.standing is not Standing.PERSON:
        return None
    items = (
        element(
            "li", element("strong", it.subject), f": {it.detail} ", element("code", it.code),
            advice(it.what_to_do),
        )
        for it in last.findings
    )  # fmt: skip
    return element("ul", *items)


def _table(rows: Sequence[Row], now: datetime) -> Markup:
    head = element("tr", *(element("th", name, scope="col") for name in _HEADS))
    return element(
        "table",
        element("thead", head),
        element("tbody", *(_line(row, now) for row in rows)),
        class_="cards",
    )


def _line(row: Row, now: datetime) -> Markup:
    at = row.verified_at
    verified = f"{age(at, now)}" if at else "never"
    number = f"{version(row.applied)} / {version(row.newest)}"
    if row.applied and row.newest and row.applied != row.newest:
        number = f"▲ {number}"
    return element(
        "tr",
        element("td", _badge(row.standing)),
        element(
            "th",
            row.connection,
            element("br"),
            element("span", row.service, class_="soft"),
            scope="row",
        ),
        element("td", row.account, data_head="account"),
        element("td", number, data_head="version", class_="when"),
        element(
            "td",
            f"{verified}{', late' if row.late else ''}",
            data_head="verified",
            title=moment(at) if at else None,
        ),
        element("td", row.consent or "-", data_head="consent"),
        element("td", str(row.findings) if row.findings else "none", data_head="findings"),
    )
