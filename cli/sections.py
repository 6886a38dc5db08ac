"""The list of commands in sections, as the help of ``account-rotation`` shows it."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

OTHER = "More"


class Sections(TyperGroup):
    """A group that lists its commands by ``rich_help_panel``, without Rich's frames: it can be piped and searched."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  Typer gives it
        """Write one section per panel, in the order of registration."""
        shown = [item for item in self.commands.items() if not item[1].hidden]
        width = max(len(name) for name, _ in shown)
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in shown:
            panel = getattr(command, "rich_help_panel", None)
            rows = sections.setdefault(panel if isinstance(panel, str) else OTHER, [])
            rows.append(
                (f"{name:{width}}", command.get_short_help_str(formatter.width - width - 6))
            )
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)
