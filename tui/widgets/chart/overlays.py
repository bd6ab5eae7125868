"""What lies over the curves: levels, marks, the crosshair, and badges for what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tui.widgets.chart.picture import BADGE, CROSSHAIR, LEVEL, Picture
from tui.widgets.chart.scale import moment_label, value_label
from tui.widgets.chart.series import Series
from tui.widgets.chart.symbols import SymbolSet


@dataclass(frozen=True)
class Level:
    """A horizontal dashed line with a name, such as a baseline or a stop."""

    value: float
    label: str
    role: int = LEVEL


@dataclass(frozen=True)
class Mark:
    """A symbol above (`above`) or below the point at (x, value)."""

    x: float
    value: float
    symbol: str
    label: str
    role: int
    above: bool


class Axes(Protocol):
    """What an overlay needs to know of the frame it is drawn in."""

    @property
    def left(self) -> int: ...
    @property
    def top(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    def cell(self, x: float) -> int: ...
    def row(self, value: float) -> int: ...


def write_levels(picture: Picture, frame: Axes, levels: Sequence[Level], symbols: SymbolSet) -> None:
    """Dashed lines where no curve is; a level out of sight is named at the edge it lies beyond."""
    bottom = frame.top + frame.height - 1
    right = frame.left + frame.width
    for level in levels:
        row = frame.row(level.value)
        value = value_label(level.value)
        label = (
            f"{level.label} {value.rstrip('0').rstrip('.') if '.' in value and 'e' not in value else value}"
        )
        if not frame.top <= row <= bottom:
            above = row < frame.top
            label += " above" if above else " below"
            row = frame.top if above else bottom
        else:
            for x in range(frame.left, right):
                if picture.is_free(x, row, 1):
                    picture.write(x, row, symbols.dashed, level.role)
        _write_label(picture, frame, row, label, level.role)


def _write_label(picture: Picture, frame: Axes, row: int, label: str, role: int) -> None:
    """Put a label where it covers no curve: on its row, else above or below it, from the right."""
    width = len(label) + 2
    right = frame.left + frame.width
    for y in (row, row - 1, row + 1):
        if not frame.top <= y < frame.top + frame.height:
            continue
        for x in range(right - width, frame.left, -4):
            if _is_open(picture, x, y, width, role):
                picture.write(x, y, f" {label} ", role)
                return
    if len(label) < frame.width:
        picture.write(right - len(label), row, label, role)


def _is_open(picture: Picture, x: int, y: int, width: int, role: int) -> bool:
    return all(picture.is_free(at, y, 1) or picture.role(at, y) == role for at in range(x, x + width))


def write_marks(picture: Picture, frame: Axes, marks: Sequence[Mark]) -> None:
    """Symbols beside their points, with labels where there is room."""
    bottom = frame.top + frame.height - 1
    right = frame.left + frame.width
    for mark in marks:
        cell = min(max(frame.cell(mark.x), frame.left), right - 1)
        row = min(max(frame.row(mark.value) + (-1 if mark.above else 1), frame.top), bottom)
        picture.write(cell, row, mark.symbol, mark.role)
        label = f" {mark.label} "
        for start in (cell + 1, cell - len(label)):
            if (
                mark.label
                and frame.left <= start
                and start + len(label) <= right
                and picture.is_free(start, row, len(label))
            ):
                picture.write(start, row, label, mark.role)
                break


def write_crosshair(picture: Picture, frame: Axes, at: float, symbols: SymbolSet, *, time: bool) -> None:
    """A vertical line through the plot, and its place on the x axis below."""
    cell = frame.cell(at)
    for row in range(frame.top, frame.top + frame.height):
        if picture.is_free(cell, row, 1):
            picture.write(cell, row, symbols.crosshair, CROSSHAIR)
        else:
            picture.recolour(cell, row, CROSSHAIR)
    label = f" {moment_label(at)} " if time else f" {at:,.0f} "
    start = max(min(cell - len(label) // 2, picture.width - len(label)), 0)
    picture.write(start, frame.top + frame.height, label, CROSSHAIR)


def write_badges(picture: Picture, series: Sequence[Series], left: int, right: int, row: int) -> None:
    """The badges of curves, one a row from the top right, over everything."""
    for one in series:
        if one.badge:
            text = f" {one.letter + ' ' if one.letter else ''}{one.badge} "
            picture.write(max(left, right - len(text)), row, text, BADGE)
            row += 1
