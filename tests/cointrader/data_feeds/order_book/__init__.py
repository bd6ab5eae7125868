"""Order books from recorded streams and tables."""
