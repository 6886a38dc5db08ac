"""Vault and OpenBao: secrets by handle, and nothing of the transport leaves this package."""
