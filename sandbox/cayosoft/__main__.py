"""Run the console stand-in as a process of its own."""

from sandbox.cayosoft.server import start
from sandbox.standin.process import run

run(start)
