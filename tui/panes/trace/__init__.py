"""The Trace tab: what the engine did, each step with its command."""
