"""Records: cleaned, checked, timed and named."""
