"""Doctor without an installation."""
