"""The rules of registry: pure functions from a command and a state to events or a named refusal."""
