"""Active Directory, over LDAPS."""
