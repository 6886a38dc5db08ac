"""The Active Directory stand-in, and the same expectations on a real Samba domain controller."""
