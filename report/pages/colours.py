"""The colours of pages and pictures, in light and in dark. They differ in lightness, and each has a sign beside it."""

from __future__ import annotations

LIGHT = {
    "paper": "#ffffff",
    "card": "#f6f7f9",
    "ink": "#1b1f24",
    "soft": "#57606a",
    "line": "#d0d7de",
    "done": "#1a7f4b",
    "already": "#a8cbe6",
    "already-edge": "#3d77a6",
    "retrying": "#e3a008",
    "retrying-edge": "#8a5d00",
    "failed": "#96190f",
    "wait": "#57606a",
    "gap": "#6b2fa0",
    "good-paper": "#e3f4ea",
    "good-ink": "#0f5132",
    "warn-paper": "#fff1cc",
    "warn-ink": "#664400",
    "bad-paper": "#fde7e5",
    "bad-ink": "#7d1109",
}
DARK = {
    "paper": "#15181c",
    "card": "#1e2329",
    "ink": "#e8ebee",
    "soft": "#a9b3bd",
    "line": "#3a424b",
    "done": "#4cc38a",
    "already": "#2d4a61",
    "already-edge": "#8fc1e8",
    "retrying": "#f2c14e",
    "retrying-edge": "#fbe3a4",
    "failed": "#ff8a7d",
    "wait": "#a9b3bd",
    "gap": "#c99cf2",
    "good-paper": "#12382a",
    "good-ink": "#a6e9c8",
    "warn-paper": "#43340b",
    "warn-ink": "#ffe3a1",
    "bad-paper": "#4a1b17",
    "bad-ink": "#ffc9c3",
}


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


VARIABLES = (
    f":root{{color-scheme:light dark;{_variables(LIGHT)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    f"@media print{{:root{{color-scheme:light;{_variables(LIGHT)}}}}}"
)
"""Both sets; paper is always light."""

PICTURES = (
    ".picture text{font:13px system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:var(--ink)}"
    ".picture .soft{fill:var(--soft);font-size:11px}.picture .strong{font-weight:600}"
    ".picture .grid{stroke:var(--line);stroke-width:1;fill:none}"
    ".picture .break{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 3}"
    ".picture .done{fill:var(--done)}"
    ".picture .already-so{fill:var(--already);stroke:var(--already-edge)}"
    ".picture .retrying{fill:var(--retrying);stroke:var(--retrying-edge)}"
    ".picture .failed{fill:var(--failed)}"
    ".picture .wait{fill:none;stroke:var(--wait);stroke-dasharray:4 3}"
    ".picture .gap{fill:none;stroke:var(--gap);stroke-width:2.5}"
    ".picture .good{fill:var(--good-paper)}.picture .bad{fill:var(--bad-paper)}.picture .warn{fill:var(--warn-paper)}"
    ".picture text.good{fill:var(--good-ink)}.picture text.bad{fill:var(--bad-ink)}.picture text.warn{fill:var(--warn-ink)}"
)
"""How drawings look, in a page and as images of their own."""
