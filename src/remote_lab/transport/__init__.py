"""Sending programs and files to a remote, through the system's ssh."""
