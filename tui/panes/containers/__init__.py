"""[4] The containers."""
