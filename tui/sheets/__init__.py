"""Lists over the whole screen, each in a file of its own."""
