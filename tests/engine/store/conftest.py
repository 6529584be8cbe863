"""A store, and small images to put into it."""

from collections.abc import Callable

import pytest

from engine.digest import Digest, chain_ids
from engine.jobs import CancelToken
from engine.oci import CONFIG, LAYER, MANIFEST, Descriptor, ImageConfig, Manifest, RootFS, encode
from engine.store import LayerRecord, Store

AddImage = Callable[..., Descriptor]


@pytest.fixture
def token() -> CancelToken:
    return CancelToken()


@pytest.fixture
def add_image(store: Store, token: CancelToken) -> AddImage:
    """Put an image together as a pull does: blobs, expanded layers, names. Layers are given by their content."""

    def add(*layers: bytes, names: tuple[str, ...] = (), into: Store = store) -> Descriptor:
        blobs = []
        for content in layers:
            blob = Descriptor(LAYER, Digest.of(content), len(content))
            with into.ingest(blob, token) as writer:
                if not writer.complete:
                    writer.write(content)
                    writer.commit()
            blobs.append(blob)
        diff_ids = [blob.digest for blob in blobs]  # uncompressed layers
        chain = chain_ids(diff_ids)
        for number, chain_id in enumerate(chain):
            with into.stage_layer(chain_id, token) as staging:
                if staging is not None:
                    (staging / "diff").mkdir()
                    (staging / "diff/content").write_bytes(layers[number])
                    parent = chain[number - 1] if number else None
                    size = len(layers[number])
                    into.publish_layer(
                        staging, LayerRecord(chain_id, diff_ids[number], parent, blobs[number].digest, size, 1)
                    )
        config = encode(ImageConfig("amd64", "linux", RootFS("layers", diff_ids)))
        manifest = encode(Manifest(2, into.put_blob(config, CONFIG), blobs, MANIFEST))
        descriptor = into.put_blob(manifest, MANIFEST)
        for name in names:
            into.tag(name, descriptor)
        return descriptor

    return add
