"""The texts above a form: what has to be seen on a small screen comes first."""

from __future__ import annotations

from dataclasses import replace

from connectors.models import Extension, SecretHandle
from report.guide import Guide, summary

TOLD = Guide(
    service="hq",
    connection="hq-m365",
    extension=Extension.MICROSOFT_365,
    row="north.example.test",
    account="svc@north.example.test",
    secret=SecretHandle("kv", "hq/m365", 3),
    hours=24,
)


def test_the_first_line_is_whole() -> None:
    """Above many fields Prefect leaves one line: it says which version goes into which console."""
    first, _, rest = summary(TOLD).partition("\n\n")
    assert first == "Enter **kv/hq/m365#3** in the console of **hq**."
    assert TOLD.account in rest
    assert "Never type a password here" in rest


def test_what_speaks_against_an_answer_comes_before() -> None:
    """Who is asked again reads why before anything else."""
    shown = summary(replace(TOLD, notes=("The old credential is still in use.",)))
    assert shown.index("still in use") < shown.index("Enter **")
