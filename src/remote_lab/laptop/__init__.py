"""The laptop's side of a project."""
