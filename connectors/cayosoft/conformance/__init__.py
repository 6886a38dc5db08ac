"""Is this a console bridge? Numbered checks of any implementation of docs/console-bridge.openapi.yaml."""
