"""What somebody needs who plays the person at the console by hand: a sign-in there, and the right to read in Vault."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from rich.console import Console

from sandbox.world import World

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "deployments" / "vault" / "operator.hcl"
SHELL = "operator.sh"


def show_how_to_practise(console: Console, world: World) -> None:
    """Write the person's settings for a shell, and print how the console and the password are reached."""
    shell = _shell_of_a_person(world)
    console.print(
        "\nYou are the person at the consoles: what a run asks for is yours to do. Sign in at their pages, with the "
        f"accounts of\n\n  {world.console_accounts_file}\n\nand read the passwords as the guide says, in a terminal "
        f"with\n\n  . {shell}\n",
        soft_wrap=True,
    )


def _shell_of_a_person(world: World) -> Path:
    """Write who the person is in Vault: the policy for operators, and a ``vault`` where the machine has none."""
    token = world.admin.person("operator", POLICY.read_text())
    world.canaries.add(token)
    settings = {
        "VAULT_ADDR": world.vault.url,
        "VAULT_CACERT": str(world.authority.ca_file),
        "VAULT_TOKEN": token,
    }
    ours = f"PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)} -m sandbox.vault_command"
    lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    lines.append(f'command -v vault > /dev/null || vault() {{ {ours} "$@"; }}')
    shell = world.folder / SHELL
    shell.touch(mode=0o600)
    shell.write_text("\n".join([*lines, ""]))
    return shell
