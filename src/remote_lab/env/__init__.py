"""The project's Python environment on a remote."""
