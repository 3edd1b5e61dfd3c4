"""Notebooks and their scripts: kept in step, and no edit is lost."""
