"""What carries programs and files to a remote: the system's ssh."""
