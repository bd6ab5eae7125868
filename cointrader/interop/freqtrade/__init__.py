"""freqtrade's files: the database of a running bot, and the export of a backtest."""
