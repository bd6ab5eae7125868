"""The trading system and its training, in layers; `pyproject.toml` holds the order of their imports."""

__version__ = "0.1.0"
