"""Programs that run; each shows one way to use the parts from outside."""
