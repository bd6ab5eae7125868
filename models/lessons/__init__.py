"""What closed positions teach a network that already decides: one step a close, among rows it knows."""
