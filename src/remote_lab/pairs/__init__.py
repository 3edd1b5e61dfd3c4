"""Notebooks and their scripts: kept in sync, and no edit is lost."""
