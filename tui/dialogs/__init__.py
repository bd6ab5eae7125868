"""The small screens that lie over another one: questions, errors, help."""
