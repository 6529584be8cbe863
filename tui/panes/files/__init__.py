"""The Files tab: what is in an image, a layer or a container."""
