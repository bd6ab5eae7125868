"""Real candles that come with the program; SOURCE.md says where they are from."""
