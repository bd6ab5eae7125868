"""Rules that wish to trade: arrays of candles in, signals out, never a look ahead."""
