"""[1] The images of the store, and those on their way."""
