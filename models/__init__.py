"""Everything that learns: one folder an agent, and what the agents share."""
