"""A YAML file that is checked strictly: its values, and the line of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from connectors.errors import InvalidInput
from inventory.problems import Problem

Loc: TypeAlias = "tuple[str | int, ...]"
Model = TypeVar("Model", bound="Strict")


class Strict(BaseModel):
    """A block in which every field is known and has exactly its type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FileProblems(InvalidInput):
    """A file of the deployments cannot be used; ``problems`` holds every mistake that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(
            "deployments",
            "check",
            mistakes=len(problems),
            advice="Correct the mistakes listed in the message, check with "
            "`python -m cli.deployments --check`, then start again; nothing was changed.",
        )

    def _text(self) -> str:
        return "\n".join(map(str, self.problems))


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file holds."""

    path: Path
    data: Any

    def line(self, loc: Loc) -> int:
        """Return the line, from 1, of a place or of the nearest one around it."""
        found, line = self.data, 1
        for part in loc:
            try:
                line = found.lc.data[part][0] + 1
                found = found[part]
            except (AttributeError, LookupError, TypeError):
                break
        return line

    def field(self, loc: Loc) -> str:
        """Return a place as people read it, with names instead of positions where there are names."""
        text, found = "", self.data
        for part in loc:
            try:
                found = found[part]
            except (LookupError, TypeError):
                found = None
            if isinstance(part, str):
                text += f".{part}" if text else part
            else:
                named = found.get("name") or found.get("slug") if isinstance(found, dict) else None
                text += f"[{named or part}]"
        return text

    def problem(self, loc: Loc, message: str, fix: str) -> Problem:
        """Return a mistake at a place."""
        return Problem(str(self.path), self.line(loc), self.field(loc), message, fix)


def read(path: Path) -> YamlFile:
    """Return the values of a file; raises FileProblems where it is no YAML, or names a field twice."""
    line, message = 1, "the file cannot be read"
    try:
        data = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except DuplicateKeyError as error:
        line, message = _line_of(error), "a field is given twice"
    except YAMLError as error:
        line, message = _line_of(error), "this is no YAML"
    except (OSError, UnicodeDecodeError):
        pass
    else:
        return YamlFile(path, data)
    fix = "Compare it with the file of the repository."
    raise FileProblems((Problem(str(path), line, "", message, fix),))


def _line_of(error: YAMLError) -> int:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return mark.line + 1 if mark else 1


def shaped(file: YamlFile, model: type[Model]) -> Model:
    """Return the file as its strict model; raises FileProblems with every mistake."""
    try:
        return model.model_validate(file.data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
    problems = (_explained(file, error["loc"], error["type"], error["msg"]) for error in errors)
    raise FileProblems(tuple(sorted(problems, key=lambda problem: problem.line)))


def _explained(file: YamlFile, loc: Loc, kind: str, said: str) -> Problem:
    # Tags of unions stand in a location without being in the file.
    place = tuple(_existing(file.data, loc)) if kind != "missing" else loc
    if kind == "extra_forbidden":
        return file.problem(
            loc, "is not a known field; Prefect would ignore it without a word", "Correct its name."
        )
    if kind == "missing":
        return file.problem(loc, "is missing", "Add it.")
    message = said.removeprefix("Value error, ").rstrip(".")
    return file.problem(place, message[:1].lower() + message[1:], "Correct the value.")


def _existing(data: Any, loc: Loc) -> Iterator[str | int]:
    found = data
    for part in loc:
        try:
            found = found[part]
        except (LookupError, TypeError):
            continue
        yield part
