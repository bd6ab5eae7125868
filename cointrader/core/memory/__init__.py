"""What the core remembers of what it was told."""
