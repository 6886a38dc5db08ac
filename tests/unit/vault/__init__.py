"""The Vault connector without a server."""
