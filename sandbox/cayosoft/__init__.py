"""Stand-in of the Cayosoft Administrator console, behind the console bridge."""
