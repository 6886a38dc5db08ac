"""The sandbox's real domain controller."""
