"""The console stand-in itself."""
