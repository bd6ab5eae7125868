"""What the data screen says, as text: pure functions from what storage read to lines and panels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from textual.content import Content

from tui import phrases
from tui.gap_strip import WHOLE, gap_strip, legend
from tui.phrases import Part, assemble
from tui.symbols import Symbols
from tui.widgets.paged_table.formats import clean, fit, format_bytes, format_time
from tui.widgets.record_list import Record

if TYPE_CHECKING:
    from storage.candle_gaps import Gap
    from storage.data_overview import DataOverview, SeriesDetail, SeriesRow, Strip
    from storage.jobs import JobRow, WorkerRow
    from storage.source_files import SourceFileRow

CURSOR_CELLS = 2
WIDE_SERIES = 96
"""From this width on the days of first and last bar are written out, below it their months."""

FILE_STATES = {"done": "$gain", "tailing": "$accent", "refused": "bold $loss"}


def title_parts(view: DataOverview) -> list[Part]:
    """How much there is of everything."""
    counts = view.file_counts
    files = sum(counts.values())
    refused = counts.get("refused", 0)
    more = "+" if view.quarantined >= 100_000 else ""
    return [
        (_count(len(view.series), "series", "series"), "$foreground"),
        (_count(view.instruments, "instrument", "instruments"), "$foreground"),
        (_count(files, "file", "files"), "$foreground"),
        (f"{refused:,} refused" if refused else "", "$loss"),
        (f"{view.quarantined:,}{more} rows refused" if view.quarantined else "", "$warning"),
    ]


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def timeframe(ms: int) -> str:
    """The short name of a length of bars: 300000 is 5m."""
    for unit, length in (("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms > 0 and ms % length == 0:
            return f"{ms // length}{unit}"
    return f"{ms}ms"


# Series


def strip_columns(width: int) -> int:
    """Cells that the strip of a series has in a line of that width."""
    return max(8, width - CURSOR_CELLS - _fixed(width) - 1)


def _fixed(width: int) -> int:
    day = 10 if width >= WIDE_SERIES else 7
    return 10 + 1 + 4 + 10 + 2 + day + 2 + day + 1 + 8 + 7


def series_head(width: int, symbols: Symbols) -> Content:
    """The names of the columns."""
    day = 10 if width >= WIDE_SERIES else 7
    strip = fit("over its time", strip_columns(width), right=False, ellipsis=symbols.ellipsis)
    left = f"{'symbol':<10} {'bar':<4}{'bars':>10}  {'first':<{day}}  "
    return Content.styled(f"{left}{strip} {'last':<{day}} {'full':>7}{'gaps':>7}", "$quiet")


def series_record(row: SeriesRow, strip: Strip, width: int, symbols: Symbols) -> Record:
    """One series in a line."""
    day = 10 if width >= WIDE_SERIES else 7
    share = row.share
    if row.missing_bars and min(strip, default=1.0) >= WHOLE:
        strip = (share,) * len(strip)  # nobody has noted where they are missing
    full = "100 %" if not row.missing_bars else f"{min(share, 0.9999) * 100:.2f} %"
    parts: list[Part] = [
        (fit(clean(row.symbol, symbols), 10, right=False, ellipsis=symbols.ellipsis) + " ", "bold"),
        (f"{timeframe(row.timeframe_ms):<4}", "$accent"),
        (f"{row.bars:>10,}  ", ""),
        (f"{format_time(row.first_close_ms)[:day]}  ", "$quiet"),
        *gap_strip(strip, symbols),
        (f" {format_time(row.last_close_ms)[:day]} ", "$quiet"),
        (f"{full:>7}", "$gain" if not row.missing_bars else "$warning"),
        (f"{row.gaps:>7,}", "$quiet" if not row.gaps else "$warning"),
    ]
    return Record(row.id, assemble(parts))


EMPTY_SERIES = "no candles yet: i imports files, 1 Overview offers the bundled ones"


# Quality


def quality_text(detail: SeriesDetail, width: int, symbols: Symbols, *, short: bool = False) -> Content:
    """What there is to know of a series before it is trusted."""
    row = detail.series
    middle = f" {symbols.middle} "
    first, last = format_time(row.first_close_ms), format_time(row.last_close_ms)
    venue = f" of {row.venue}" if row.venue else ""
    source = f"{clean(row.source_name, symbols)} ({clean(row.dialect, symbols)})"
    still = f"{row.zero_volume:,} bars in which nothing was traded" if row.zero_volume else "every bar traded"
    return _lines(
        width,
        symbols,
        [(f"{row.bars:,} bars", "bold"), (f"{clean(venue, symbols)}, {first} to {last}", "")],
        _missing(detail),
        [
            _flag(row.duplicates, "repeated rows dropped", "no row repeated"),
            (middle, "$quiet"),
            _flag(row.refused, "rows refused", "no row refused"),
            (middle, "$quiet"),
            (still, "$quiet" if not row.zero_volume else ""),
        ],
        [
            (f"{row.provenance} {format_time(row.imported_ms)[:10]}", "$quiet"),
            (f"{middle}{source}", "$quiet"),
        ],
        *([legend(symbols)] if row.gaps and not short else []),
    )


def _flag(count: int, words: str, none: str) -> Part:
    return (f"{count:,} {words}", "$warning") if count else (none, "$quiet")


def _missing(detail: SeriesDetail) -> list[Part]:
    row = detail.series
    if not row.gaps:
        return [("no gap: every bar from the first to the last is there", "$gain")]
    places = "place" if row.gaps == 1 else "places"
    said = (
        f", {row.share * 100:.2f} % are there" if detail.places else ", where was not noted: import it again"
    )
    return [(f"{row.missing_bars:,} bars missing in {row.gaps:,} {places}", "$warning"), (said, "")]


def gaps_text(detail: SeriesDetail, width: int, room: int, symbols: Symbols) -> Content:
    """The longest gaps, as many as fit."""
    if not detail.series.gaps:
        return assemble([("none", "$gain")])
    if not detail.longest:
        return assemble([("not noted by the version that imported it", "$quiet")])
    shown = detail.longest[: max(1, room)]
    return _lines(width, symbols, *([(gap_line(gap), "")] for gap in shown))


def gap_line(gap: Gap) -> str:
    """Which bars are missing."""
    first, last = format_time(gap.from_ms), format_time(gap.to_ms)
    until = "" if gap.bars == 1 else f" to {last[11:] if last[:10] == first[:10] else last}"
    return f"{gap.bars:>7,} {'bar ' if gap.bars == 1 else 'bars'} {first}{until}"


def all_gaps(detail: SeriesDetail) -> str:
    """The gaps as text for a dialog."""
    if not detail.longest:
        return "no gap" if not detail.series.gaps else "import the file again: where they are was not noted"
    lines = [gap_line(gap) for gap in detail.longest]
    left = detail.places - len(lines)
    return "\n".join(lines + ([f"and {left:,} shorter ones"] if left else []))


def _lines(width: int, symbols: Symbols, *rows: Sequence[Part]) -> Content:
    lines = [assemble(list(row)) for row in rows]
    cut = [line.truncate(width, ellipsis=True) if line.cell_length > width else line for line in lines]
    return Content("\n").join(cut)


# Imports


def imports_text(view: DataOverview, width: int, symbols: Symbols) -> Content:
    """The imports that run with their progress, those that wait, or what became of the last."""
    rows = [_import_line(job, view.workers, width, symbols) for job in view.imports[:3]]
    left = len(view.imports) - len(rows)
    if left > 0:
        rows.append([(f"and {left} more wait", "$quiet")])
    if not rows:
        rows.append(_last_import(view.last_import, symbols))
    return _lines(width, symbols, *rows)


def _import_line(job: JobRow, workers: Sequence[WorkerRow], width: int, symbols: Symbols) -> list[Part]:
    title = fit(clean(job.title, symbols), min(34, width // 3), right=False, ellipsis=symbols.ellipsis)
    silent = phrases.silence(job, workers)
    if job.state != "running":
        words = "goes on where it stopped" if job.state == "interrupted" else "waits for the worker"
        return [(f"{symbols.hollow} {title}", ""), (f"  {words}", "$quiet")]
    head: list[Part] = [(f"{symbols.dot} ", "$warning" if silent else "$accent"), (f"{title} ", "")]
    if silent:
        return [*head, (silent, "$warning")]
    if job.cancel_requested:
        return [*head, ("stops at its next step", "$warning")]
    share = "" if job.fraction is None else f" {job.fraction * 100:3.0f} %"
    bar = phrases.bar(job.fraction, max(8, min(20, width // 5)), symbols)
    return [*head, *bar, (share, ""), (f"  {clean(job.message, symbols)}", "$quiet")]


def _last_import(job: JobRow | None, symbols: Symbols) -> list[Part]:
    if job is None:
        return [("nothing is being imported; i chooses files", "$quiet")]
    said = outcome_words(job)
    mark = phrases.state_mark(job.state, symbols)
    ago = phrases.span(phrases.now_ms() - (job.ended_ms or job.created_ms))
    style = phrases.STATE_STYLES.get(job.state, "")
    return [(f"{mark} {job.state} ", style), (f"{ago} ago: ", "$quiet"), (clean(said, symbols), "")]


def outcome_words(job: JobRow) -> str:
    """What became of an import, in a sentence."""
    text = job.result.get("text", "")
    return str(job.error or text or job.title)


# Files


def files_head(width: int, symbols: Symbols) -> Content:
    """The names of the columns."""
    name = _name_cells(width)
    return Content.styled(f"{'state':<11}{'file':<{name}} {'kind':<20}{'rows':>10}{'refused':>9}", "$quiet")


def _name_cells(width: int) -> int:
    return max(12, width - CURSOR_CELLS - 11 - 1 - 20 - 10 - 9 - 1)


def file_record(row: SourceFileRow, width: int, symbols: Symbols) -> Record:
    """One file in a line; of a refused one why instead of counts."""
    mark = {"done": symbols.check, "tailing": symbols.dot}.get(row.state, symbols.cross)
    name = _name_cells(width)
    parts: list[Part] = [
        (f"{mark} {row.state:<9}", FILE_STATES.get(row.state, "")),
        (fit(clean(PurePath(row.path).name, symbols), name, right=False, ellipsis=symbols.ellipsis), "bold"),
        (" ", ""),
    ]
    if row.state == "refused":
        parts.append((clean(row.note or "refused", symbols), "$loss"))
    else:
        kind = fit(clean(row.kind, symbols), 20, right=False, ellipsis=symbols.ellipsis)
        parts += [(kind, "$quiet"), (f"{row.rows:>10,}", "")]
        parts.append((f"{row.refused:>9,}", "$warning" if row.refused else "$quiet"))
    return Record(row.id, assemble(parts))


def file_words(row: SourceFileRow) -> str:
    """Size and place of a file, for the palette."""
    return f"{row.kind or 'unknown'}, {row.state}, {format_bytes(row.size)}, {row.path}"
