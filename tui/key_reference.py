"""The key reference, made from the bindings: `python -m tui.key_reference > docs/keys.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.binding import Binding

from tui.keymap import everywhere, own_bindings, places

INTRODUCTION = """# Keys

Made from the bindings by `python -m tui.key_reference > docs/keys.md`; a test keeps it current.

Every key has an id. A `[keymap]` in `config.toml` of the workspace gives an id other keys:

```toml
[keymap]
"table.down" = "down,j,ctrl+n"
"app.help" = "f1,question_mark"
```

An unknown id, or a key that another action has in the same place, is said at the start and left out.
`ctrl+q` always quits. Digits and letters are text while a line of input has the focus. `?` shows the keys
that work where you are, and `:` finds every action by its name.
"""

SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "comma": ",",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "pipe": "|",
}


def key_reference() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    said: set[str] = set()
    yield from _section("Everywhere", everywhere(), said)
    from tui.screens.base import ConsoleScreen
    from tui.widgets.paged_table.table import PagedTable

    yield from _section("On every screen", own_bindings(ConsoleScreen), said)
    yield from _section("In tables", own_bindings(PagedTable), said)
    for place in places():
        yield from _section(place.title, place.bindings, said)


def _section(title: str, bindings: Iterable[Binding], said: set[str]) -> Iterator[str]:
    """One table; a binding that another section has said is left out."""
    rows = []
    for item in bindings:
        if item.id is None or item.id in said or not item.description:
            continue
        said.add(item.id)
        rows.append(f"| {_keys(item.key)} | {item.tooltip or item.description} | `{item.id}` |")
    if rows:
        yield f"## {title}\n"
        yield "| keys | what it does | id |\n|---|---|---|"
        yield from rows
        yield ""


def _keys(keys: str) -> str:
    parts = (SHOWN.get(part.strip(), part.strip()) for part in keys.split(","))
    return " ".join(f"`{part}`" if part != "|" else "`\\|`" for part in parts)


if __name__ == "__main__":
    print(key_reference(), end="")
