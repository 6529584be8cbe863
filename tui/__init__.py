"""The text interface: a Textual application on top of the engine."""
