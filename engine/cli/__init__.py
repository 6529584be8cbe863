"""The headless front end: one file per group of commands. Data goes to stdout, narration to stderr."""

from engine.cli.main import main

__all__ = ["main"]
