"""The agent that judges feed signals."""
