"""Run the Vault stand-in as a process."""

from sandbox.standin.process import run
from sandbox.vault.server import start

run(start)
