"""Classes that a screen names without importing them: they are needed by the help, not by the first paint."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LazyClasses:
    """A class attribute that is a tuple of classes, each "module:Class", imported when somebody asks."""

    def __init__(self, *paths: str) -> None:
        self._paths = paths

    def __get__(self, instance: object, owner: type[object]) -> tuple[type[Any], ...]:
        """The classes."""
        found = []
        for path in self._paths:
            module, _, name = path.partition(":")
            found.append(getattr(import_module(module), name))
        return tuple(found)
