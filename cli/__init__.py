"""One command, thin: every verb calls a flow, a connector or the intake."""
