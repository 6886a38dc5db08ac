"""A whole page: one file, without script, nothing from elsewhere, and a policy that forbids both."""

from __future__ import annotations

import base64
import hashlib

from report.pages.colours import PICTURES, VARIABLES
from report.pages.markup import Child, Markup, element, join, style

_CSS = (
    VARIABLES
    + PICTURES
    + """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
 font:15px/1.5 system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
header,main,footer{max-width:1100px;margin:0 auto;padding:0 20px}
header{padding-top:28px}footer{padding:20px;color:var(--soft);font-size:13px}
h1{font-size:26px;line-height:1.25;margin:0 0 6px}h2{font-size:20px;margin:34px 0 10px}
h3{font-size:16px;margin:26px 0 8px}h4{font-size:15px;margin:18px 0 4px}
p{margin:6px 0 10px}code,.mono{font-family:ui-monospace,Consolas,Menlo,monospace;font-size:.92em}
p,li,dd,td,h1,h2,h3,h4{overflow-wrap:anywhere}tbody th{overflow-wrap:break-word}
.soft{color:var(--soft)}
section.connection{border-top:2px solid var(--line);margin-top:34px}
.badge{display:inline-block;padding:2px 10px;border-radius:6px;font-weight:600;white-space:nowrap}
.good{background:var(--good-paper);color:var(--good-ink)}
.warn{background:var(--warn-paper);color:var(--warn-ink)}
.bad{background:var(--bad-paper);color:var(--bad-ink)}
.note{padding:10px 14px;border-radius:6px;border:1px solid var(--line);background:var(--card);margin:10px 0}
.note.bad,.note.warn{background:var(--bad-paper);color:var(--bad-ink);border-color:currentColor}
.note.warn{background:var(--warn-paper);color:var(--warn-ink)}
.note h3,.note h4{margin:0 0 4px}.note p:last-child{margin-bottom:0}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:3px 18px;margin:12px 0}
dl.facts dt{color:var(--soft)}dl.facts dd{margin:0}
.wide{overflow-x:auto;margin:8px 0}
.wide:focus-visible{outline:2px solid var(--already-edge)}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;color:var(--soft);padding-bottom:6px}
th,td{text-align:left;vertical-align:top;padding:5px 10px 5px 0;border-bottom:1px solid var(--line)}
th{font-weight:600}td.number,th.number{text-align:right;white-space:nowrap}
td.mark{text-align:center}th.mark{text-align:center}
td.sign,td.when{white-space:nowrap}
tr.group th{padding-top:14px}
table.matrix{min-width:680px}table.matrix td{overflow-wrap:normal}table.matrix td,table.matrix tbody th{padding-left:10px}
td.what{min-width:190px}tr.article th{font-weight:600}tr.ours th{font-weight:400}
ul.tally{list-style:none;display:flex;flex-wrap:wrap;gap:8px;padding:0;margin:14px 0}
figure{margin:10px 0}figure svg{max-width:none;height:auto;width:100%;min-width:640px;max-width:900px;display:block}
figcaption{color:var(--soft);font-size:13px}
@media print,(max-width:640px){
 .badge,td.sign,td.when,td.number{white-space:normal;overflow-wrap:anywhere}tbody th{overflow-wrap:anywhere}
}
@media (max-width:640px){
 header,main,footer{padding-left:14px;padding-right:14px}h1{font-size:22px}
 dl.facts{grid-template-columns:1fr;gap:0}dl.facts dd{margin-bottom:6px}
 table.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
 table.cards,table.cards tbody,table.cards tr,table.cards td,table.cards tbody th{display:block}
 table.cards tr{border:1px solid var(--line);border-radius:6px;padding:8px 12px;margin-bottom:10px}
 table.cards td,table.cards tbody th{border:0;padding:2px 0}
 table.cards td:empty{display:none}
 table.cards td.number{text-align:left}
 table.cards td[data-head]::before{content:attr(data-head) ": ";color:var(--soft)}
}
@page{size:A4;margin:14mm}
@media print{
 body{font-size:10.5pt}header,main,footer{max-width:none;padding-left:0;padding-right:0}
 table{font-size:9pt}.wide{overflow:visible}
 figure svg{min-width:0;max-width:100%}
 tr,.note,figure{break-inside:avoid}h2,h3,h4{break-after:avoid}
 thead{display:table-header-group}
 .badge,.note,.picture,tr,td{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""
)
_HASH = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
"""What the page may load and run: its own style and nothing else."""


def page(title: str, header: Child, main: Child, footer: Child) -> str:
    """Return the whole file."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        style(_CSS),
    )
    body = element(
        "body", element("header", header), element("main", main), element("footer", footer)
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def scrolling(what: str, *children: Child) -> Markup:
    """Return something that may be wider than a phone; its name is told, and the keyboard can scroll it."""
    return element("div", *children, class_="wide", role="region", aria_label=what, tabindex="0")


def facts(*pairs: tuple[str, Child]) -> Markup:
    """Return names and what they are; what is empty is left out."""
    shown = ((element("dt", name), element("dd", value)) for name, value in pairs if value)
    return element("dl", *(join(pair) for pair in shown), class_="facts")


def badge(said: str, tone: str) -> Markup:
    """Return a word that stands out, in the tone good, warn or bad."""
    return element("span", said, class_=f"badge {tone}")


def advice(said: str) -> Markup:
    """Return what to do: a sentence, and one command a line below where it has several lines."""
    first, *others = said.splitlines() or [""]
    listed = element("ul", *(element("li", line) for line in others)) if others else None
    return join((element("p", element("strong", "What to do: "), first), listed))
