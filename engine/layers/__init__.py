"""Layers as tar streams and as overlayfs directories."""
