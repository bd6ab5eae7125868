"""Paper trading: candles as they arrive or as they once came, decided and filled by the one kernel."""
