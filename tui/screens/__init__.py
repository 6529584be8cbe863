"""The workbench: its keys, its panes and what it does for all that is on it; and the terminal given away."""
