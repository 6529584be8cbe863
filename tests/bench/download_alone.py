"""`python download_alone.py ROOT IMAGE`: what a pull fetches, verified and kept in the store, but not expanded."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from engine.disk import DataRoot
from engine.host import probe
from engine.jobs import Job
from engine.oci import Descriptor
from engine.pulling import DOWNLOADS
from engine.reference import Reference
from engine.registry import RegistrySource
from engine.store import Store


def main(root: Path, name: str) -> None:
    store = Store(DataRoot(root))
    store.prepare()
    job = Job("download", lambda event: None)
    source = RegistrySource(Reference.parse(name), tls_verify=False)
    image = source.image(probe().platform, job)

    def fetch(layer: Descriptor) -> None:
        with store.ingest(layer, job.token) as blob:
            for chunk in source.blob(layer, blob.offset, job):
                blob.write(chunk)
            blob.commit()

    with ThreadPoolExecutor(DOWNLOADS) as pool:
        list(pool.map(fetch, image.manifest.layers))
    source.close()


main(Path(sys.argv[1]), sys.argv[2])
