"""The Cayosoft Administrator console: what it is to us, and the bridge that drives it."""
