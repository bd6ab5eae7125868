"""All bindings of the console, and what an operator's `[keymap]` makes of them.

Imports every screen, so it runs in a thread and only when there is a keymap, or for the key reference.
"""

from __future__ import annotations

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
    """Where bindings are active together: a screen with its widgets, or a dialog."""

    title: str
    bindings: tuple[Binding, ...]


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
    """Every screen with the widgets whose keys work in it, then the dialogs."""
    from tui.dialogs.catalogue import DIALOGS

    found = []
    for item in SCREENS:
        screen = item.load()
        bindings = [*own_bindings(screen)]
        for widget in screen.KEY_WIDGETS:
            bindings += own_bindings(widget)
        found.append(Place(item.title, tuple(bindings)))
        found += [
            Place(over.__name__, tuple([*own_bindings(over), *_of_widgets(over)])) for over in screen.OPENS
        ]
    found += [Place(dialog.__name__, tuple(own_bindings(dialog))) for dialog in DIALOGS]
    return found


def _of_widgets(screen: type[DOMNode]) -> Iterator[Binding]:
    for widget in getattr(screen, "KEY_WIDGETS", ()):
        yield from own_bindings(widget)


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
    for place in found:
        ids = {item.id for item in place.bindings}
        if id not in ids and not any(item.id == id for item in common):
            continue
        for item in (*place.bindings, *common):
            if item.id != id and item.id is not None:
                taken = normalised(keymap.get(item.id, item.key))
                if wanted & taken:
                    return item.id
    return ""


def normalised(keys: str) -> set[str]:
    """The keys of a binding in the long form that Textual compares, as `question_mark` for `?`."""
    parts = (part.strip() for part in keys.split(","))
    return {_character_to_key(part) if len(part) == 1 else part for part in parts if part}
