"""A small LDAPS server with the semantics of an Active Directory domain controller, on loopback."""
