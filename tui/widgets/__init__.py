"""The widgets of the console: tables, charts, bars."""
