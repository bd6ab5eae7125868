"""From closed bars to setups: which moments, what was known then, whether it is whole, where it is kept."""
