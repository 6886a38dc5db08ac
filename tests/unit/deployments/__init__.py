"""Unit tests of the deployments and of the installation files."""
