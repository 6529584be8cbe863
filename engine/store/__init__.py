"""An OCI image layout on disk: blobs, index, expanded layers."""
