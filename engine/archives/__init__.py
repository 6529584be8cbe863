"""Images in files: archives of podman, skopeo, buildah and docker read and written, root filesystems taken in.

An oci-archive is a tar of an OCI image layout; a docker-archive is what `docker save` writes: `manifest.json` (docker's
image specification 1.2), which names each image's configuration and its layers as plain tar files.
"""
