"""The Entra connector against the tenant stand-in."""
