"""The console as web pages that a person clicks: another door to the same console as the bridge's."""
