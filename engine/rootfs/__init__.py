"""Root filesystems: overlay mounts, planned and applied."""
