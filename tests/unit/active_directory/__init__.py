"""The parts of the Active Directory connector that need no directory."""
