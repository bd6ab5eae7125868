"""Real candles and order books that come with the program; SOURCE.md says where they are from."""
