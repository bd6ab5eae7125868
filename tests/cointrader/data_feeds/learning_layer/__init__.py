"""What the feed agent learns."""
