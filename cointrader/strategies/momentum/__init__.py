"""Trend following: two exponential averages and the rate of change."""
