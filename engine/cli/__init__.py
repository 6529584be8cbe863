"""The headless front end: one file per group of commands."""
