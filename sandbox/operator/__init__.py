"""The scripted operator: a person at the console and at Prefect's UI, played in the machine's own Chromium."""
