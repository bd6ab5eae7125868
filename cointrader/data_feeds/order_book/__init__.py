"""Order books rebuilt from recorded streams, checked at every step."""
