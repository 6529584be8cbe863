"""What is shown at which size of the terminal."""

WIDE = 120
"""Columns from which on all panes are shown beside one another."""

LEFT = 39
"""Columns of the panes at the left, there."""

SHORT = 24
"""Rows below which what explains a line gets less room."""
