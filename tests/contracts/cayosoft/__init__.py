"""The bridge driver against the console stand-in."""
