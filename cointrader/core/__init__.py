"""The Core Agent: every signal is accepted, or rejected with stage, reason, limit and actual value."""
