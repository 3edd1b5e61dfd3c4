"""What notebooks/00-start uses, to be edited, kept or deleted."""

import pandas as pd


def by_kind(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Each number of a table, on average, for each value of its column *kind*."""
    return frame.groupby(kind).mean(numeric_only=True).round(1)
