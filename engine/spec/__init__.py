"""config.json: made, explained, checked, edited (OCI runtime-spec config.md)."""
