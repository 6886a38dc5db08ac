"""What the Active Directory connector promises, on the stand-in and on Samba."""
