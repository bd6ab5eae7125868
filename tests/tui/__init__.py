"""Tests of the console: real databases, real screens."""
