"""Stand-in for one Entra ID tenant: its token endpoint and the part of Microsoft Graph that we meet."""
