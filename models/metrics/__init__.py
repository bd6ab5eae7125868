"""Measures of a trading record."""
