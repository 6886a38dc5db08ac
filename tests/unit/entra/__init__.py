"""Unit tests of the Entra connector, through its transport."""
