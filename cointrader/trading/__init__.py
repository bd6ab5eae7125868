"""Positions: how they are filled and closed, what they earned, and what reward that is."""
