"""How a key is declared: one place for its id, its action and what it says.

Every binding of the console is made by `key`, so every one has an id that `[keymap]` of `config.toml`
can name, a short word for the line of keys, and a sentence for the help screen and `docs/keys.md`.
"""

from __future__ import annotations

from textual.binding import Binding


def key(
    id: str,
    keys: str,
    action: str,
    label: str,
    help: str = "",
    *,
    show: bool = False,
    priority: bool = False,
) -> Binding:
    """A binding: `keys` separated by commas, `label` for the line of keys, `help` for the help screen.

    `id` is written `place.verb`, as "table.sort". `show` puts it into the line of keys at the bottom.
    """
    return Binding(keys, action, label, show=show, tooltip=help or label, id=id, priority=priority)
