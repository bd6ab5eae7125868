"""Plays the bot: a log with rotation and doubled lines, trades with glued balances, results, half JSON.

`write.py FOLDER LINES BYTES` waits for a line on its standard input after each 200 numbers. The log rotates
as the bot's does (three older parts are kept), at fewer bytes.
"""

import json
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

folder, count = Path(sys.argv[1]) / "crypto_bot" / "logs", int(sys.argv[2])
folder.mkdir(parents=True)
(folder.parent / "user_config.yaml").write_text("secret: 1\n")
logger = logging.getLogger("bot")
logger.setLevel(logging.INFO)
handler = RotatingFileHandler(folder / "bot.log", maxBytes=int(sys.argv[3]), backupCount=3)
handler.setFormatter(logging.Formatter("%(asctime)s - %(levelname)s - %(message)s"))
logger.addHandler(handler)
root_format = logging.Formatter("%(asctime)s:%(levelname)s - %(message)s")
trades = (folder / "trades.csv").open("a", buffering=1)
performance: dict[str, dict[str, list[dict[str, object]]]] = {"trending": {"trend_bot": []}}
for number in range(count):
    logger.info("[EVAL] SYM%d/USDT -> below_min_score", number)
    if number % 10 == 0:
        # The root handler writes the record once more, in its own format.
        record = logging.LogRecord(
            "root", logging.INFO, "", 0, f"[EVAL] SYM{number}/USDT -> cooldown", (), None
        )
        handler.stream.write(handler.format(record) + "\n" + root_format.format(record) + "\n")
        handler.stream.flush()
    side = "buy" if number % 2 == 0 else "sell"
    trades.write(f"XBT/USDT,{side},0.1,{25000 + number % 7},{1_700_000_000_000 + number},False\n")
    if number % 5 == 0:
        trades.write(f"${number}.25")
    if number % 20 == 0:
        performance["trending"]["trend_bot"].append(
            {"timestamp": 1_700_000_000_000 + 10_000 * number, "pnl": number}
        )
        text = json.dumps(performance)
        with (folder / "strategy_performance.json").open("w") as file:
            file.write(text[: len(text) // 2])
            file.flush()
            file.write(text[len(text) // 2 :])
    if number % 200 == 100:
        print("wrote", flush=True)
        sys.stdin.readline()
print("done", flush=True)
