"""A real Samba Active Directory domain controller, run without root as one more stand-in process."""

from sandbox.samba.availability import available

__all__ = ["available"]
