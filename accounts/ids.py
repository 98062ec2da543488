"""Ids of rows."""

LARGEST_ID = 2**63 - 1  # of the column; a larger one is merely unknown
