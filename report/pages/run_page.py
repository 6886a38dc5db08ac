"""The report of a run as one page that an auditor can keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from report.document import ConnectionOfRun, Consent, Document, End, Problem, Rights, StepOfRun
from report.matrix import COLUMNS, SIGNS, Row, summary
from report.pages import timeline
from report.pages.frame import advice, badge, facts, page, scrolling
from report.pages.grants import TONES
from report.pages.markup import Markup, element, join
from report.pages.spans import SIGNS as BAR_SIGNS
from report.pages.spans import Kind
from report.pages.words import length, moment
from report.record import Result
from report.rights import NOT_KNOWN

MARKS = {
    Result.DONE: BAR_SIGNS[Kind.DONE],
    Result.ALREADY_SO: BAR_SIGNS[Kind.ALREADY_SO],
    Result.RETRYING: BAR_SIGNS[Kind.RETRYING],
    Result.FAILED: BAR_SIGNS[Kind.FAILED],
}


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a run beside its record: pairs of a name and a value, and where the page comes from."""

    facts: tuple[tuple[str, str], ...] = ()
    made: str = ""


def render(documents: Sequence[Document], origin: Origin) -> str:
    """Return the page of one run, which has one document per service that it was about."""
    first = documents[0]
    names = ", ".join(item.name for it in documents for item in it.connections)
    title = f"{_worst(documents).name}: {names or first.service}"
    header = (
        element("p", "Account rotation: report of a run", class_="soft"),
        element("h1", title),
        element("p", _worst(documents).meaning),
        facts(
            ("flow", first.flow),
            ("flow run", element("span", first.run, class_="mono")),
            ("service", ", ".join(it.service for it in documents)),
            ("began", moment(min(map(_began, documents)))),
            ("ended", moment(max(it.ended for it in documents))),
            ("dry run", "yes: nothing was changed" if first.dry_run else "no"),
            *origin.facts,
        ),
    )
    main = [_connection(document, item) for document in documents for item in document.connections]
    footer = (
        element(
            "p",
            "Steps in bold are the vendor's documented steps; the others are this orchestrator's. No password, "
            "key or token is part of this report.",
        ),
        element("p", origin.made) if origin.made else None,
    )
    return page(title, header, main, footer)


def _began(document: Document) -> datetime:
    """Return when a run first began: one that was resumed knows of its wait, and not of its start before it."""
    return min([document.started, *(it.started for it in document.waits)])


def _worst(documents: Sequence[Document]) -> End:
    return next((it.outcome for it in documents if not it.outcome.succeeded), documents[0].outcome)


def _badge(outcome: End) -> Markup:
    sign, tone = ("✔", "good") if outcome.succeeded else ("✘", "bad")
    return badge(f"{sign} {outcome.name}", tone)


def _connection(document: Document, item: ConnectionOfRun) -> Markup:
    name = f"connection-{item.name}"
    return element(
        "section",
        element("h2", item.name, " ", _badge(item.outcome), id=name),
        element("p", item.outcome.meaning),
        facts(("asked for", item.asked), ("gap", item.gap.sentence if item.gap else "")),
        _problem(item.error),
        _findings(item),
        _timeline(document, item),
        element("h3", "The procedure, with its evidence"),
        _procedure(item),
        _consent(item.consent),
        _plan(item),
        _rights(item.rights),
        element("h3", "Not checked"),
        element("ul", *(element("li", what) for what in item.unchecked))
        if item.unchecked
        else element("p", "Everything that this run was to check was checked."),
        class_="connection",
        aria_labelledby=name,
    )


def _problem(error: Problem | None) -> Markup | None:
    if error is None:
        return None
    told = element("p", error.text)
    return element(
        "div", element("h3", "What ended it"), told, advice(error.what_to_do), class_="note bad"
    )


def _findings(item: ConnectionOfRun) -> Markup:
    notes = (
        element(
            "div",
            element("h4", found.subject),
            element("p", found.detail, " ", element("code", found.code)),
            advice(found.what_to_do),
            class_="note warn",
        )
        for found in item.findings
    )
    none = None if item.findings else element("p", "None.")
    return join((element("h3", "Findings"), *notes, none))


def _timeline(document: Document, item: ConnectionOfRun) -> Markup:
    picture = timeline.draw(item, document.waits, alone=False)
    if picture is None:
        return join((element("h3", "Timeline"), element("p", "No step was run.")))
    told = timeline.told(item, document.waits)
    broken = "Where the axis is broken (≈), it is not to scale. " if "≈" in picture else ""
    caption = f"{told} {broken}The table below has the same times."
    figure = element("figure", picture, element("figcaption", caption))
    return join((element("h3", "Timeline"), scrolling(f"Timeline of {item.name}", figure)))


def _procedure(item: ConnectionOfRun) -> Markup:
    head = element(
        "tr",
        *(element("th", name, scope="col") for name in ("step", "what", "result", "at (UTC)")),
        element("th", "took", scope="col", class_="number"),
        element("th", "evidence", scope="col"),
    )
    rows = [row for step in item.steps for row in _rows(step)]
    return element("table", element("thead", head), element("tbody", rows), class_="cards")


def _rows(step: StepOfRun) -> list[Markup]:
    title = f"{step.number} {step.title}"
    if not step.tries:
        cells = (
            element("th", step.number, scope="row"),
            element("td", step.title, class_="what"),
            element("td", "· not run", class_="sign"),
            element("td"),
            element("td"),
            element("td", step.why_not),
        )
        return [element("tr", *cells, class_=step.source, aria_label=title)]
    return [
        element(
            "tr",
            element("th", it.number, scope="row"),
            element(
                "td",
                "undo: " if it.number != step.number else None,
                element("strong", step.title) if step.source == "article" else step.title,
                class_="what",
            ),
            element("td", f"{MARKS[it.result]} {it.result.value}"),
            element("td", f"{it.started:%H:%M:%S}", class_="when", data_head="at (UTC)"),
            element("td", length(it.seconds), class_="number", data_head="took"),
            element("td", it.evidence),
            class_=step.source,
        )
        for it in step.tries
    ]


def _consent(consent: Consent | None) -> Markup | None:
    if consent is None:
        return None
    tone, sign = ("good", "✔") if consent.ready else ("bad", "✘")
    heading = element("h3", "Consent ", badge(f"{sign} {consent.verdict}", tone))
    app = element("p", f"Entra app: {consent.app}")
    if not consent.rows:
        return join((heading, app))
    head = element(
        "tr",
        element("th", "permission", scope="col"),
        *(element("th", name, scope="col", class_="mark") for name in COLUMNS),
        element("th", "comes to", scope="col"),
    )
    groups = groupby(consent.rows, lambda row: f"{row.resource}, {row.kind}")
    bodies = (
        element(
            "tbody",
            element(
                "tr",
                element("th", name, colspan=len(COLUMNS) + 2, scope="rowgroup"),
                class_="group",
            ),
            *map(_permission, rows),
        )
        for name, rows in groups
    )
    caption = element("caption", summary(consent.rows))
    table = element("table", caption, element("thead", head), *bodies, class_="matrix")
    return join((heading, app, scrolling("Consent matrix", table)))


def _permission(row: Row) -> Markup:
    return element(
        "tr",
        element("th", row.permission, scope="row"),
        *(element("td", "● yes" if yes else "· no", class_="mark") for yes in row.cells),
        element("td", f"{SIGNS[row.upshot]} {row.upshot.value}"),
        class_=TONES[row.upshot],
    )


def _plan(item: ConnectionOfRun) -> Markup | None:
    if item.plan is None:
        return None
    steps = element("ol", *(element("li", line) for line in item.plan.lines))
    return join((element("h3", f"What would repair it: plan {item.plan.name}"), steps))


def _rights(rights: Rights | None) -> Markup | None:
    if rights is None:
        return None
    head = element("tr", *(element("th", name, scope="col") for name in ("right", *rights.places)))
    rows = (
        element("tr", element("th", right, scope="row"), *map(_told, told))
        for right, told in rights.rows
    )
    table = element("table", element("thead", head), element("tbody", *rows))
    known = element("p", NOT_KNOWN, class_="soft")
    return join((element("h3", "Rights"), scrolling("Rights", table), known))


_PRESENCE = {"present": "✔", "missing": "✘", "could not be told": "?"}


def _told(presence: str | None) -> Markup:
    if presence is None:
        return element("td")
    tone = {"present": "good", "missing": "bad"}.get(presence, "warn")
    return element("td", f"{_PRESENCE.get(presence, '')} {presence}", class_=tone)
