"""`cointrader settings`: every setting in force, its range, and where it comes from."""

from __future__ import annotations

import argparse
from typing import Any

from cointrader.cli.output import print_json
from cointrader.settings import SECTIONS, Settings, load_settings
from models.parameters import describe
from storage.workspace import resolve_workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the settings of a workspace."""
    path = resolve_workspace(arguments.workspace).config
    settings = load_settings(path)
    if arguments.json:
        print_json({"file": str(path), **_record(settings)})
        return 0
    print(f"# {path}{'' if path.exists() else ' (not there: all defaults)'}")
    for section, cls in SECTIONS.items():
        print(f"\n[{section}]")
        for spec in describe(cls):
            value = getattr(getattr(settings, section), spec.name)
            print(
                f"{spec.name} = {_toml(value)}  # {spec.help} {spec.allowed}, default {_toml(spec.default)}"
            )
    if settings.keymap:
        print("\n[keymap]")
        for binding, key in settings.keymap.items():
            print(f'"{binding}" = "{key}"')
    return 0


def _record(settings: Settings) -> dict[str, Any]:
    sections = {
        section: {spec.name: getattr(getattr(settings, section), spec.name) for spec in describe(cls)}
        for section, cls in SECTIONS.items()
    }
    return {**sections, "keymap": settings.keymap}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
