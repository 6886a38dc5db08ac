"""Vault's notations: durations, timestamps, numbers and lists in the forms that its API accepts."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from sandbox.vault.wire import BadField

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")


def seconds(value: Any) -> int:
    """Read a duration: a number of seconds, ``"90"`` or ``"1h30m"``; ValueError when it is none."""
    if value is None or value == "":
        return 0
    if isinstance(value, bool):
        raise ValueError("a boolean is no duration")  # noqa: TRY004 - callers catch one kind
    if isinstance(value, int | float):
        return int(value)
    text = str(value).strip()
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    if text.isdigit():
        return sign * int(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("not a duration")
    return sign * int(sum(float(number) * _UNITS[unit] for number, unit in parts))


def go_duration(total: float) -> str:
    """Write seconds as Go does: ``0s``, ``1m30s``, ``768h0m0s``."""
    whole = int(total)
    sign, whole = ("-", -whole) if whole < 0 else ("", whole)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    if hours:
        return f"{sign}{hours}h{minutes}m{secs}s"
    return f"{sign}{minutes}m{secs}s" if minutes else f"{sign}{secs}s"


def short_duration(total: float) -> str:
    """Write seconds as Vault's warnings do: without trailing zero units."""
    text = go_duration(total)
    if text.endswith("m0s"):
        text = text[:-2]
    return text[:-2] if text.endswith("h0m") else text


def timestamp(moment: float) -> str:
    """Write a moment as RFC 3339 with up to nine decimals, trailing zeros dropped, in UTC."""
    nanoseconds = round(moment * 1_000_000) * 1000
    whole, fraction = divmod(nanoseconds, 1_000_000_000)
    text = dt.datetime.fromtimestamp(whole, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"


class Fields:
    """The fields of one request, converted as the real schema does. Bad values are refused with 400."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def given(self, name: str) -> bool:
        """Tell whether the field was sent and is not null."""
        return self._data.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """Return a string field."""
        value = self._data.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, dict | list):
            raise _bad(name, f"'' expected type 'string', got unconvertible type '{_go(value)}'")
        return str(value)

    def number(self, name: str, default: int = 0) -> int:
        """Return an integer field."""
        value = self._data.get(name)
        if value is None:
            return default
        try:
            return int(str(value) if isinstance(value, float) else value)
        except (TypeError, ValueError):
            why = "'' cannot parse value as 'int': strconv.ParseInt: invalid syntax"
        raise _bad(name, why)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean field."""
        value = self._data.get(name)
        if value is None:
            return default
        if isinstance(value, bool | int):
            return bool(value)
        if str(value) in {"1", "t", "T", "TRUE", "true", "True"}:
            return True
        if str(value) in {"", "0", "f", "F", "FALSE", "false", "False"}:
            return False
        raise _bad(name, "'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax")

    def duration(self, name: str, default: int = 0) -> int:
        """Return a duration field in seconds."""
        value = self._data.get(name)
        if value is None:
            return default
        try:
            return seconds(value)
        except ValueError:
            why = f'time: invalid duration "{value}"'
        raise _bad(name, why)

    def names(self, name: str) -> list[str]:
        """Return a list field; a comma-separated string is a list too."""
        value = self._data.get(name)
        if value is None:
            return []
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list):
            raise _bad(name, f"'' expected type 'string', got unconvertible type '{_go(value)}'")
        return [str(item).strip() for item in value if str(item).strip()]

    def numbers(self, name: str) -> list[int]:
        """Return a list of integers."""
        value = self._data.get(name)
        items = value if isinstance(value, list) else self.names(name) if value is not None else []
        numbers = []
        for place, item in enumerate(items):
            try:
                numbers.append(int(item))
            except (TypeError, ValueError):
                why = (
                    "decoding failed due to the following error(s):\n\n"
                    f"'[{place}]' cannot parse value as 'int': strconv.ParseInt: invalid syntax"
                )
                raise _bad(name, why) from None
        return numbers

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object field."""
        value = self._data.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            kind = "map[string]interface {}"
            raise _bad(name, f"'' expected type '{kind}', got unconvertible type '{_go(value)}'")
        return value


def _bad(name: str, why: str) -> BadField:
    return BadField(400, f'error converting input for field "{name}": {why}')


def _go(value: Any) -> str:
    kinds = {str: "string", bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}
    return kinds.get(type(value), "json.Number")
