"""The commands, by what they are for; each loads only the modules that it needs."""
