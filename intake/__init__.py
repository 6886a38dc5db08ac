"""How the news arrives that a secret was rotated: webhooks, audit lines, Vault's events; spooled, then delivered."""
