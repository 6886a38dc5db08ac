"""Entra ID and Microsoft Graph: sign-in, probes, roles, consent and test users of one tenant."""
