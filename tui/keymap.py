"""All bindings of the console, and what an operator's `[keymap]` makes of them.

Imports every screen, so it runs in a thread and only when there is a keymap, or for the key reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import _character_to_key

from tui.screens.catalogue import SCREENS

FIXED = frozenset({"app.quit"})
"""Ids that no keymap changes: there is always a way out."""


@dataclass(frozen=True)
class Place:
    """A screen or a dialog: its own bindings, then those of each widget in it; one widget has the focus."""

    title: str
    own: tuple[Binding, ...]
    widgets: tuple[tuple[Binding, ...], ...] = ()

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """All of them."""
        return (*self.own, *(item for widget in self.widgets for item in widget))

    def together(self) -> Iterator[tuple[Binding, ...]]:
        """The bindings that are active at the same time: those of the place, with those of one widget."""
        if not self.widgets:
            yield self.own
        for widget in self.widgets:
            yield (*widget, *self.own)


@dataclass(frozen=True)
class CheckedKeymap:
    """What can be used of a keymap, and what has to be said about it."""

    keymap: dict[str, str]
    complaints: tuple[str, ...]


def own_bindings(cls: type[DOMNode]) -> Iterator[Binding]:
    """The bindings of a class and of the classes of this console that it comes from."""
    for base in cls.__mro__:
        if base.__module__.startswith("tui."):
            yield from (item for item in base.__dict__.get("BINDINGS", ()) if isinstance(item, Binding))


def everywhere() -> tuple[Binding, ...]:
    """The bindings of the application."""
    from tui.app import CoinTraderApp

    return tuple(own_bindings(CoinTraderApp))


def places() -> list[Place]:
    """Every screen and what is opened from it, then the dialogs."""
    from tui.dialogs.catalogue import DIALOGS

    found = []
    for item in SCREENS:
        screen = item.load()
        found.append(_place(item.title, screen))
        found += [_place(spaced(over), over) for over in screen.OPENS]
    return found + [_place(spaced(dialog), dialog) for dialog in DIALOGS]


def _place(title: str, cls: type[DOMNode]) -> Place:
    widgets = tuple(tuple(own_bindings(widget)) for widget in getattr(cls, "KEY_WIDGETS", ()))
    return Place(title, tuple(own_bindings(cls)), widgets)


def spaced(cls: type[DOMNode]) -> str:
    """`ErrorDialog` as "Error dialog"."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda match: f" {match.group(1).lower()}", cls.__name__)


def check_keymap(keymap: Mapping[str, str]) -> CheckedKeymap:
    """Leaves out unknown ids and keys that would take another action's key in the same place."""
    return checked(keymap, everywhere(), places())


def checked(keymap: Mapping[str, str], common: tuple[Binding, ...], found: list[Place]) -> CheckedKeymap:
    """The same over given bindings."""
    known = {item.id for item in common} | {item.id for place in found for item in place.bindings}
    complaints: list[str] = []
    usable: dict[str, str] = {}
    for id, keys in keymap.items():
        if id in FIXED:
            complaints.append(f"{id}: ctrl+q always quits and cannot be changed")
        elif id not in known:
            complaints.append(f"{id}: no binding has this id; docs/keys.md lists them")
        elif not all(part.strip() for part in keys.split(",")):
            complaints.append(f"{id}: {keys!r} is not a list of keys separated by commas")
        else:
            usable[id] = keys
    for id in list(usable):
        rival = _clash(id, usable, common, found)
        if rival:
            complaints.append(f"{id}: {usable[id]} is already the key of {rival}; left as it was")
            del usable[id]
    return CheckedKeymap(usable, tuple(complaints))


def _clash(id: str, keymap: Mapping[str, str], common: tuple[Binding, ...], found: list[Place]) -> str:
    wanted = normalised(keymap[id])
    for active in (group for place in found for group in place.together()):
        everything = (*active, *common)
        mine = next((item for item in everything if item.id == id), None)
        if mine is None:
            continue
        for item in everything:
            # What shares a key by default does so on purpose: the nearest to the focus takes it.
            shared = normalised(item.key) & normalised(mine.key)
            if item.id not in (id, None) and (wanted - shared) & normalised(
                keymap.get(item.id or "", item.key)
            ):
                return str(item.id)
    return ""


def normalised(keys: str) -> set[str]:
    """The keys of a binding in the long form that Textual compares, as `question_mark` for `?`."""
    parts = (part.strip() for part in keys.split(","))
    return {_character_to_key(part) if len(part) == 1 else part for part in parts if part}
