"""The real Prefect server and UI, as one more process of the sandbox."""
