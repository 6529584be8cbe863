"""The Config tab: an image, a config.json in the making, one in force."""
