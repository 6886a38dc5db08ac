"""How the news arrives that a secret was rotated. Empty so far: updates are started by hand or by Prefect."""
