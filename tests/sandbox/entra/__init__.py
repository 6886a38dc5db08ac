"""The Entra ID stand-in keeps its promises to unmodified MSAL and httpx."""
