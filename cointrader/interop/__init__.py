"""The files and words of other programs: exchanges, bots, back-testers."""
