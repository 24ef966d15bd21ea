"""Use cases: one folder each, written by the people who know the data."""
