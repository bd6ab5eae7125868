"""coinTrader2.0's own files: one module a format, each a pure reader.

The bot writes them while it runs, appends rows without a line end, logs a line twice, and books an exit in
three units. What is known of each fault stands in the module of the format. Nothing here opens a file: the
lines come from `cointrader.data_feeds.tail`, and `.env` and `user_config.yaml` are not among the files.
"""
