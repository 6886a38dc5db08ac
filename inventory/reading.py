"""From the bytes of a YAML file to a Document. Nothing of the parser's own texts gets out: they quote."""

from __future__ import annotations

from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from inventory.document import Document, Loc, is_plain_name
from inventory.problems import Problem

_MOST_VALUES = 100_000  # aliases make a small file large
_EXAMPLE = "deployments/inventory.example.yaml"
_QUOTES = "Put the text in quotes."
_SYNTAX = (
    # How the parser's own text begins, what we say, and how it is corrected.
    ("mapping values are not allowed", "a colon stands where no field can begin",
     "Correct the indentation, or put a text that holds a colon in quotes."),
    ("could not find expected ':'", "a field has no colon", "Write it as `field: value`."),
    ("found undefined alias", "a text begins with an asterisk", _QUOTES),
    ("found character", "a text begins with a character that YAML keeps for itself", _QUOTES),
    ("found unexpected end of stream", "a quote is opened and never closed", "Close the quote."),
    ("found unknown escape", "a backslash stands in double quotes", "Use single quotes."),
    ("but found another document", "a second document begins", "Keep one inventory per file."),
    ("expected <block end>", "the indentation fits no line above",
     "Indent it as far as the other fields of the same block."),
)  # fmt: skip


class Unreadable(Exception):
    """The file is no YAML that could be looked at; ``problems`` says where."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__()
        self.problems = problems


def read(file: str, content: bytes) -> tuple[Document, list[Problem]]:
    """Return the document and the mistakes that YAML itself allows, such as a field given twice.

    Raises Unreadable, with the place, for anything that is no YAML.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            Problem(file, line, "", "the text is not UTF-8", "Save the file as UTF-8.")
        ) from None
    root = _compose(file, text)
    if root is None:
        raise Unreadable(Problem(file, 1, "", "the file is empty", f"Start from {_EXAMPLE}."))
    builder = _Builder(file)
    try:
        data = builder.build(root, ())
    except RecursionError:
        raise Unreadable(_too_deep(file)) from None
    document = Document(file, data, builder.lines)
    return document, [
        Problem(file, line, document.field(loc), message, fix)
        for line, loc, message, fix in builder.notes
    ]


def _compose(file: str, text: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        return yaml.compose(text)  # type: ignore[no-any-return]
    except YAMLError as error:
        problems = [*_tabs(file, text), _syntax_problem(file, text, error)]
    except RecursionError:
        problems = [_too_deep(file)]
    except (ValueError, OverflowError):
        # NOTE: the parser lets these out for impossible character numbers.
        problems = [Problem(file, 1, "", "an escaped character does not exist", _QUOTES)]
    unique = {problem.line: problem for problem in reversed(problems)}
    raise Unreadable(*(unique[line] for line in sorted(unique)))


def _too_deep(file: str) -> Problem:
    return Problem(file, 1, "", "the blocks are nested too deeply", f"Use the form of {_EXAMPLE}.")


def _tabs(file: str, text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.splitlines(), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            yield Problem(file, number, "", "a tab in the indentation", "Indent with blanks.")


def _syntax_problem(file: str, text: str, error: YAMLError) -> Problem:
    said, mark = "", None
    if isinstance(error, MarkedYAMLError):
        said = error.problem or ""
        # Some mistakes are noticed late; the place to look at is where they began.
        late = "end of stream" in said or "could not find" in said
        mark = (late and error.context_mark) or error.problem_mark
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        message = "a control character"
        fix = "Remove it; it is often invisible in an editor."
    else:
        line = mark.line + 1 if mark else 1
        known = ((message, fix) for start, message, fix in _SYNTAX if said.startswith(start))
        message, fix = next(
            known, ("this is no YAML", f"Compare the line and the one above it with {_EXAMPLE}.")
        )
    return Problem(file, min(line, max(1, len(text.splitlines()))), "", message, fix)


class _Builder:
    """Turns the parser's nodes into plain values, and notes lines and mistakes on the way."""

    def __init__(self, file: str) -> None:
        self.lines: dict[Loc, int] = {}
        self.notes: list[tuple[int, Loc, str, str]] = []
        self._file = file
        self._open: list[Node] = []
        self._values = 0

    def build(self, node: Node, loc: Loc) -> object:
        """Return the value of a node."""
        line = node.start_mark.line + 1
        self.lines.setdefault(loc, line)
        self._values += 1
        if self._values > _MOST_VALUES or node in self._open:
            raise Unreadable(
                Problem(self._file, line, "", "an alias repeats itself", "Write the block out.")
            )
        if isinstance(node, ScalarNode):
            return self._scalar(node, line, loc)
        self._open.append(node)
        try:
            if isinstance(node, SequenceNode):
                return [self.build(item, (*loc, i)) for i, item in enumerate(node.value)]
            return self._mapping(node.value, loc)
        finally:
            self._open.pop()

    def _mapping(self, pairs: list[tuple[Node, Node]], loc: Loc) -> dict[str, object]:
        built: dict[str, object] = {}
        for key, value in pairs:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode) or not is_plain_name(key.value):
                # Not repeated: a value can get here by a missing blank after the colon.
                self.notes.append(
                    (line, loc, "the name of a field is no plain word", _name_fix(key))
                )
            elif key.value in built:
                first = self.lines[*loc, key.value]
                message = f"the field is given twice, first in line {first}"
                self.notes.append((line, (*loc, key.value), message, "Keep one of the two."))
            else:
                self.lines[*loc, key.value] = line
                built[key.value] = self.build(value, (*loc, key.value))
        return built

    def _scalar(self, node: ScalarNode, line: int, loc: Loc) -> object:
        kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
        if kind == "null":
            return None
        if kind == "bool":
            return node.value.lower() in {"true", "yes", "on"}
        try:
            if kind == "int":
                return int(node.value, 0)
            if kind == "float":
                return float(node.value)
        except ValueError:
            return node.value
        if kind.startswith("!"):
            self.notes.append((line, loc, "a YAML tag is not understood here", "Remove the tag."))
        return node.value


def _name_fix(key: Node) -> str:
    if isinstance(key, ScalarNode) and key.value == "<<":
        return "Write the block out; merging is not supported."
    return "Write it as `field: value`, with a blank after the colon."
