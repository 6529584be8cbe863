"""The Output tab: what a container prints."""
