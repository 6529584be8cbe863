"""Pieces of the screen that know nothing of containers."""
