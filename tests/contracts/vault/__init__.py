"""The Vault connector against the stand-in and a real server."""
