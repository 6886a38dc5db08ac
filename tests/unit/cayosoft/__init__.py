"""The bridge driver without a server."""
