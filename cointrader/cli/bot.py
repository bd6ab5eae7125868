"""`cointrader bot`: what the bot is doing, why it does not trade, whether its model is really loaded.

The bot's files are read as far as they have grown, then the answers are given. Nothing is ever written in
the bot's folder, and its `.env` and `user_config.yaml` are never opened.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cointrader.cli.output import number_text, print_json, time_text
from cointrader.cli.place import Place, opened
from cointrader.cli.progress import duration

if TYPE_CHECKING:
    from storage.bot import BotState

SHOWN_FINDINGS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="of coinTrader2.0 or of its logs; else [bot] folder"
    )
    parser.add_argument("--timezone", metavar="ZONE", help="of the times in its logs; else [bot] timezone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Read on in the bot's files, then answer."""
    from storage.bot import bot_state

    with opened(arguments.workspace) as place:
        folder = arguments.folder or (Path(place.settings.bot.folder) if place.settings.bot.folder else None)
        if folder is not None:
            folder = folder.expanduser()
            if not folder.is_dir():
                arguments.usage_error(f"{folder} is no folder")
            _read_on(place, folder, arguments.timezone)
        state = bot_state(place.connection, min_cooldown_s=place.settings.bot.min_cooldown)
    if arguments.json:
        print_json(_document(state))
    elif folder is None and not state.files.count:
        print("No bot is known: name its folder with --folder, or in config.toml as folder in [bot].")
    else:
        print("\n".join(story(state)))
    return 0


def _read_on(place: Place, folder: Path, timezone: str | None) -> None:
    from cointrader.histories.bot_follower import BotFollower
    from cointrader.histories.zone import zone_of

    zone = zone_of(place.settings.bot.timezone if timezone is None else timezone)
    # The same file must have the same name to every reader, wherever it was called from.
    BotFollower(place.connection, place.settings, zone).look(folder.resolve())


def _document(state: BotState) -> dict[str, object]:
    document: dict[str, object] = asdict(state)
    why = dict(asdict(state.why), text=state.why.text)
    bootstrap = dict(asdict(state.bootstrap), is_done=state.bootstrap.is_done)
    return {**document, "why": why, "bootstrap": bootstrap}


def story(state: BotState) -> Iterator[str]:
    """The answers, for people."""
    yield from _doing(state)
    yield ""
    yield f"why nothing was traded  {state.why.text}"
    for finding in state.why.findings[:SHOWN_FINDINGS]:
        symbols = f"  {', '.join(finding.symbols)}" if finding.symbols else ""
        yield f"  {finding.count:>7,}  {finding.code}  last {time_text(finding.last_ms)}{symbols}"
    yield ""
    yield f"model  {state.model.text}"
    yield f"bootstrap  {_bootstrap(state)}"
    results = state.results
    yield f"results  {results.count:,} exits, {results.wins:,} won, {results.pnl:+,.2f} in the quote currency"
    files = state.files
    yield f"files  {files.count:,} read, {files.rows:,} rows, {files.refused:,} refused"


def _doing(state: BotState) -> Iterator[str]:
    doing = state.doing
    mode = {"dry_run": "dry run", "live": "live", "": "mode not stated"}.get(doing.mode, doing.mode)
    yield f"bot  {mode}, last heard {time_text(doing.last_ms) or 'never'}: {doing.text}".rstrip(": ")
    cycle = f", {doing.cycle_seconds:g} s long" if doing.cycle_seconds is not None else ""
    yield (
        f"  started {time_text(doing.started_ms) or 'not seen'}, last cycle "
        f"{time_text(doing.cycle_ms) or 'not seen'}{cycle}"
    )
    yield (
        f"  equity {number_text(doing.equity, 2) or '-'}, balance {number_text(doing.balance, 2) or '-'}, "
        f"{doing.trades:,} fills, the last {time_text(doing.last_trade_ms) or 'never'}"
    )
    for position in doing.positions:
        yield (
            f"  holds {position.side} {position.amount:g} {position.symbol} "
            f"from {position.entry_price:,.6g}, now {position.price:,.6g}, {position.pnl:+,.2f}"
        )
    for pause in doing.cooldowns:
        yield f"  pauses {pause.side} {pause.symbol} until {time_text(pause.until_ms)} (estimated)"


def _bootstrap(state: BotState) -> str:
    parts = []
    for part in state.bootstrap.timeframes:
        eta = f", {duration(part.eta_ms / 1000)} to go" if part.eta_ms else ""
        parts.append(f"{part.timeframe} {part.fetched:,} of {part.required:,} ({part.fraction:.0%}{eta})")
    if state.bootstrap.scan_percent is not None:
        parts.append(f"first scan {state.bootstrap.scan_percent:g}%")
    return "; ".join(parts) or "nothing is said of it"
