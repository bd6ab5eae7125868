"""Market data in: files of candles become checked, ordered, stored series."""
