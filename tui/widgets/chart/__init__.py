"""Charts drawn with dots finer than a character: a pure core, and the widgets that show it."""
