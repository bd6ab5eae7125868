"""What a setup was worth once the candles after it are known: score, labels, priority, value, reward."""
