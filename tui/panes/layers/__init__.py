"""[2] The layers of an image, or how far each of them is."""
