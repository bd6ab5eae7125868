"""Strategies over history: the same decisions that a bot takes, in one compiled pass."""
