"""The inventory: its file, its rules, its schema."""
