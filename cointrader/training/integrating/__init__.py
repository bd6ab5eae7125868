"""The training system inside another program: its data, its decisions, its trades, its models."""
