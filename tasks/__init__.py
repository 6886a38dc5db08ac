"""HOW: one file per step family, each change beside its undo."""
