"""A Vault stand-in that unmodified hvac cannot tell from the real thing."""
