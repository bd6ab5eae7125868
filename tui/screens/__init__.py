"""The screens of the console, one module with a stylesheet of the same name beside it."""
