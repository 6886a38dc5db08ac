"""Fakes of the outside world: they keep the promises of connectors.protocols, and can be told to fail."""
