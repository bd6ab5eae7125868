"""Which code made a model: the version of the package, kept with every artefact."""

from __future__ import annotations

from importlib import metadata


def code_version() -> str:
    """The installed version; "unknown" in a checkout that was never installed."""
    try:
        return metadata.version("cointrader-console")
    except metadata.PackageNotFoundError:
        return "unknown"
