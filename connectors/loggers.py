"""What the libraries below this product may say into the logs of a site: the only place that decides it.

At INFO httpx writes every address, and the address of a user-realm request holds an account's name. At DEBUG
httpcore writes answer headers, cookies included, msal writes answers, and ldap3 writes whole requests, new
passwords included. A site that turns DEBUG on everywhere must not find those in its logs.
"""

from __future__ import annotations

import logging

_SILENT = logging.CRITICAL + 1


class Hush(logging.Filter):
    """Drop what is below a level; a level that somebody sets later does not undo it."""

    def __init__(self, below: int) -> None:
        super().__init__()
        self.below = below

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record may pass."""
        return record.levelno >= self.below


def quieten(*libraries: str) -> None:
    """Let warnings of these libraries pass and nothing below, whatever levels a site sets."""
    _hush(libraries, logging.WARNING)


def silence(*libraries: str) -> None:
    """Let nothing of these libraries pass: their warnings quote answers. Our typed errors say it instead."""
    _hush(libraries, _SILENT)


def _hush(libraries: tuple[str, ...], below: int) -> None:
    # A filter holds for one logger and not for those below it. They exist once the library is imported.
    known = list(logging.Logger.manager.loggerDict)
    for name in {
        *libraries,
        *(n for n in known if n.startswith(tuple(f"{x}." for x in libraries))),
    }:
        logger = logging.getLogger(name)
        if not any(isinstance(item, Hush) for item in logger.filters):
            logger.addFilter(Hush(below))
    for name in libraries:
        # Nothing is formatted in vain; the filters are what holds.
        logging.getLogger(name).setLevel(min(below, logging.CRITICAL))
