"""Everything that is kept: the SQLite database, candles, artefacts, and the readers of each."""
