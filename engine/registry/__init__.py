"""The distribution client: talks to registries (OCI distribution-spec)."""
