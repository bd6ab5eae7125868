"""Typed records of feeds: what each type holds, how one is cleaned, checked, timed and named."""
