"""The Stats tab: what a container uses, and its processes."""
