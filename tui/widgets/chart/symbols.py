"""The characters a chart is drawn with.

Three sets: braille (2x4 dots a cell), quadrant blocks (2x2) and ASCII (1x2), because a font or a serial
line may lack the first two. A set maps the bit pattern of a cell to a glyph; bit order is free as long
as `bit(column, row)` and `glyphs` agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SymbolSet:
    """Glyphs of a cell's dots, and of the frame around them.

    `masks[column][row]` is the bit of a dot; `spans[column][first][last]` is the OR of a vertical run.
    """

    name: str
    across: int
    down: int
    glyphs: str
    masks: tuple[tuple[int, ...], ...]
    horizontal: str
    vertical: str
    corner: str
    tick_left: str
    tick_below: str
    crosshair: str
    dashed: str
    up: str
    down_mark: str
    cross: str
    solid_sample: str
    dashed_sample: str
    dotted_sample: str
    bars: str
    ellipsis: str
    spans: tuple[tuple[tuple[int, ...], ...], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        spans = tuple(
            tuple(
                tuple(sum(column[first : last + 1]) if first <= last else 0 for last in range(self.down))
                for first in range(self.down)
            )
            for column in self.masks
        )
        object.__setattr__(self, "spans", spans)


BRAILLE = SymbolSet(
    name="braille",
    across=2,
    down=4,
    glyphs=" " + "".join(chr(0x2800 + pattern) for pattern in range(1, 256)),
    masks=((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)),
    horizontal="─",
    vertical="│",
    corner="└",
    tick_left="┤",
    tick_below="┬",
    crosshair="│",
    dashed="┈",
    up="▲",
    down_mark="▼",
    cross="✕",
    solid_sample="━━",
    dashed_sample="╍╍",
    dotted_sample="┈┈",
    bars=" ▁▂▃▄▅▆▇█",
    ellipsis="…",
)

BLOCK = SymbolSet(
    name="block",
    across=2,
    down=2,
    glyphs=" ▘▖▌▝▀▞▛▗▚▄▙▐▜▟█",
    masks=((0x01, 0x02), (0x04, 0x08)),
    horizontal="─",
    vertical="│",
    corner="└",
    tick_left="┤",
    tick_below="┬",
    crosshair="│",
    dashed="┈",
    up="▲",
    down_mark="▼",
    cross="✕",
    solid_sample="▬▬",
    dashed_sample="▬ ",
    dotted_sample="▪▪",
    bars=" ▁▂▃▄▅▆▇█",
    ellipsis="…",
)

ASCII = SymbolSet(
    name="ascii",
    across=1,
    down=2,
    glyphs=" '.:",
    masks=((0x01, 0x02),),
    horizontal="-",
    vertical="|",
    corner="+",
    tick_left="+",
    tick_below="+",
    crosshair="|",
    dashed="-",
    up="^",
    down_mark="v",
    cross="x",
    solid_sample="--",
    dashed_sample="- ",
    dotted_sample="..",
    bars=" _.-=+*#@",
    ellipsis="~",
)

SETS = {"braille": BRAILLE, "block": BLOCK, "ascii": ASCII}
