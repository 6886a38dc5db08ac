"""docs/bridge-checks.md, written from the checks themselves."""

from __future__ import annotations

from connectors.cayosoft.conformance.checks import Check, Group
from connectors.cayosoft.conformance.examining import all_checks

_TOP = """# Checks of a console bridge

Written by `make docs` from `connectors/cayosoft/conformance/`; `make lint` fails when it is stale.

`account-rotation bridge check URL` holds any implementation of [console-bridge.openapi.yaml](console-bridge.openapi.yaml) against the
contract and the rules of [console-bridge.md](console-bridge.md), one numbered sentence after the other. Numbers never change their
meaning. It ends with 0 when no check has failed, with 12 when one has, and with 20 when the bridge asked to be asked later.

The bridge's client comes from the inventory (name the service instead of an address), from Vault (`--client MOUNT/PATH`), or from a
file (`--client-file FILE`, or the variable `ROTATION_BRIDGE_CLIENT_FILE`) that nobody else may read:

```
{"client_id": "...", "client_secret": "..."}
```
"""

_GROUPS = {
    Group.READING: "Reading: always\n\nNothing at the console changes. One token is asked for as a client that cannot exist.",
    Group.DRAFTS: "Drafts: with `--write`\n\nEdit drafts with random passwords are made and discarded. No draft that is there is "
    "ever saved, and nothing signs in with these passwords.",
    Group.SAVING: "Saving: with `--write --save EXTENSION/ROW --credential MOUNT/PATH`\n\nThe credential of that secret is saved into "
    "that row, after you have confirmed it (`--yes` confirms it without a question). Name a credential that is in use: "
    "Check Settings signs in with it.",
}


def bridge_checks_page() -> str:
    """Return docs/bridge-checks.md."""
    sections = [
        f"## {title}\n\n{_table([item for item in all_checks() if item.group is group])}"
        for group, title in _GROUPS.items()
    ]
    return "\n".join((_TOP, "\n\n".join(sections), ""))


def _table(checks: list[Check]) -> str:
    rows = [f"| {c.number} | {c.title} | {c.sentence} | {c.source} |" for c in checks]
    return "\n".join(("| no. | check | the sentence | where |", "| --- | --- | --- | --- |", *rows))
