"""The Vault stand-in, and the same expectations against a real server."""
