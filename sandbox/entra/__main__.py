"""Run the stand-in as a process of its own."""

from sandbox.entra.server import start
from sandbox.standin.process import run

run(start)
