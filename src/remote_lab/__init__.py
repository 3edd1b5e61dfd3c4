"""What ./remote does: one concern a module; cli.py is the door, sh/ runs remotely."""
