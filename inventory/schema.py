"""The inventory's JSON Schema, for editors: ``python -m inventory.schema [--check | --write]``.

It describes fields; the rules that span them are kept by ``inventory.loader`` alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from inventory.models import Inventory

FILE = Path(__file__).with_name("inventory.schema.json")


def schema_text() -> str:
    """Return the schema as JSON text, the same for the same models."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Inventory.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Print the schema, compare it with the checked-in file (1 when they differ), or write that file."""
    parser = argparse.ArgumentParser(prog="python -m inventory.schema")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="compare with the checked-in file")
    choice.add_argument("--write", action="store_true", help="write the checked-in file anew")
    chosen = parser.parse_args(arguments)
    text = schema_text()
    if chosen.write:
        FILE.write_text(text)
    elif not chosen.check:
        sys.stdout.write(text)
    elif not FILE.exists() or FILE.read_text() != text:
        sys.stderr.write(f"{FILE.name} is not current; run: python -m inventory.schema --write\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
