"""``vault kv get`` for who has neither ``vault`` nor ``bao``: the one command that a guide shows, at the sandbox's Vault.

It reads the address, the authority and the token where those programs do: ``VAULT_ADDR``, ``VAULT_CACERT``,
``VAULT_TOKEN``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import httpx

from sandbox.standin.tls import client_context


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vault", description=__doc__)
    parser.add_argument("command", choices=("kv",))
    parser.add_argument("subcommand", choices=("get",))
    parser.add_argument("-mount", required=True)
    parser.add_argument("-version", default="0", help="0: the newest")
    parser.add_argument("-field", required=True)
    parser.add_argument("path")
    return parser.parse_args()


def main() -> int:
    """Print one field of one version of a secret; 2 with a reason where Vault does not give it."""
    asked = _arguments()
    place = f"{os.environ['VAULT_ADDR']}/v1/{asked.mount}/data/{asked.path}"
    answer = httpx.get(
        place,
        params={"version": asked.version},
        headers={"X-Vault-Token": os.environ["VAULT_TOKEN"]},
        verify=client_context(Path(os.environ["VAULT_CACERT"])),
        trust_env=False,
    )
    if answer.status_code != httpx.codes.OK:
        sys.stderr.write(f"{place}, version {asked.version}: {answer.status_code} {answer.text}\n")
        return 2
    fields = answer.json()["data"]["data"]
    if asked.field not in fields:
        sys.stderr.write(f"Field {asked.field!r} is not there; there are: {', '.join(fields)}\n")
        return 2
    sys.stdout.write(f"{fields[asked.field]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
