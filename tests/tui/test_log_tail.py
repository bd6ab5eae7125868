"""The end of a log: followed by offset, bounded, and never more than text."""

from __future__ import annotations

from pathlib import Path

from textual.app import App, ComposeResult

from tests.tui.driving import until
from tui.widgets.log_file import LONGEST_LINE, LogFile, clean
from tui.widgets.log_tail import KEPT_LINES, LogTail


def test_lines_come_once_and_only_when_they_are_whole(tmp_path: Path):
    path = tmp_path / "job.log"
    path.write_text("one\ntwo\nthr")
    log = LogFile(path)
    assert log.read().lines == ("one", "two")
    assert log.read().lines == ()
    with path.open("a") as file:
        file.write("ee\nfour\n")
    assert log.read().lines == ("three", "four")


def test_a_large_log_is_entered_near_its_end_at_the_start_of_a_line(tmp_path: Path):
    path = tmp_path / "job.log"
    path.write_text("".join(f"line {number:06d}\n" for number in range(100_000)))
    lines = LogFile(path, kept_bytes=1000).read().lines
    assert lines[-1] == "line 099999" and len(lines) < 100
    assert all(line.startswith("line ") and len(line) == 11 for line in lines)


def test_a_truncated_log_starts_over(tmp_path: Path):
    path = tmp_path / "job.log"
    path.write_text("old 1\nold 2\n")
    log = LogFile(path)
    log.read()
    path.write_text("new\n")
    part = log.read()
    assert part.starts_over and part.lines == ("new",)


def test_a_rotated_log_starts_over(tmp_path: Path):
    path = tmp_path / "job.log"
    path.write_text("old\n")
    log = LogFile(path)
    log.read()
    path.rename(tmp_path / "job.log.1")
    path.write_text("a longer new first line\n")
    part = log.read()
    assert part.starts_over and part.lines == ("a longer new first line",)


def test_a_log_that_is_not_there_yet_is_no_error(tmp_path: Path):
    log = LogFile(tmp_path / "none.log")
    assert not log.read().exists
    log.path.write_text("now\n")
    assert log.read().lines == ("now",)


def test_text_of_a_log_cannot_move_the_cursor_or_change_colours():
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07end") == "red end"
    assert clean("a\x00b\x07c\u202ed") == "abcd"
    assert clean("10 %\r50 %\r100 %") == "100 %"
    assert clean("a\tb") == "a   b"
    assert clean("[bold]data[/bold]") == "[bold]data[/bold]"
    assert len(clean("x" * 9_999)) == LONGEST_LINE


def test_bytes_that_are_not_utf8_are_shown_as_such(tmp_path: Path):
    path = tmp_path / "job.log"
    path.write_bytes(b"caf\xe9\n")
    assert LogFile(path).read().lines == ("caf\ufffd",)


class Tail(App[None]):
    def compose(self) -> ComposeResult:
        yield LogTail()

    @property
    def log_tail(self) -> LogTail:
        return self.query_one(LogTail)


async def test_the_tail_follows_and_a_pause_counts_what_came(tmp_path: Path):
    path = tmp_path / "job.log"
    path.write_text("".join(f"line {number}\n" for number in range(100)))
    app = Tail()
    async with app.run_test(size=(60, 12)) as pilot:
        tail = app.log_tail
        tail.watch_file(path, "job 7")
        await until(pilot, lambda: tail.lines)
        assert tail.max_scroll_y > 0 and tail.scroll_offset.y == tail.max_scroll_y
        assert "job 7, following" in str(tail.border_title)
        tail.focus()
        await pilot.press("space")
        with path.open("a") as file:
            file.write("while paused\n")
        await until(pilot, lambda: "1 new" in str(tail.border_title))
        assert "while paused" not in tail.lines
        await pilot.press("space")
        await until(pilot, lambda: tail.lines[-1] == "while paused")


async def test_memory_is_bounded_and_markup_is_text(tmp_path: Path):
    path = tmp_path / "job.log"
    path.write_text("".join("[red]x[/red]\n" for _ in range(KEPT_LINES * 2)))
    app = Tail()
    async with app.run_test(size=(60, 12)) as pilot:
        tail = app.log_tail
        tail.watch_file(path)
        await until(pilot, lambda: tail.lines)
        assert len(tail.lines) == KEPT_LINES
        assert "[red]x[/red]" in tail.render_line(3).text


async def test_another_file_replaces_the_lines(tmp_path: Path):
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    first.write_text("first\n")
    second.write_text("second\n")
    app = Tail()
    async with app.run_test(size=(60, 12)) as pilot:
        tail = app.log_tail
        tail.watch_file(first)
        await until(pilot, lambda: tail.lines == ("first",))
        tail.watch_file(second)
        await until(pilot, lambda: tail.lines == ("second",))
        tail.watch_file(None, empty="nothing is written")
        await pilot.pause()
        assert "nothing is written" in tail.render_line(0).text
