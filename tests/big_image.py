"""An image as people really have them: large, of many files, from package registries and this host's own files.

Six layers, about 1.3 GB in 73,000 files, 470 MB compressed. Made once, and kept outside of the checkout for the next
run. `CUTAWAY_BENCH_IMAGE=small` makes a small one, of this host's files alone, for where there is no npm or no time.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO

import pytest
from small_image import put_blob

from engine.digest import Digest
from engine.oci import CONFIG, INDEX, LAYER_GZIP, MANIFEST

RECIPE = "2"
"""Of what follows: a new one makes a new image."""

SCIENCE = ("numpy==2.4.6", "scipy==1.17.1", "pandas==3.1.1", "matplotlib==3.11.2", "scikit-learn==1.9.1")
SERVICES = (
    *("botocore==1.44.8", "django==5.2.19", "sympy==1.14.0", "babel==2.19.0"),
    *("plotly==7.1.0", "jupyterlab==4.6.6", "kubernetes==37.0.2"),
)
TOOLS = (
    *("typescript@7.0.2", "webpack@5.113.0", "eslint@10.15.0", "date-fns@4.4.0"),
    *("lodash@4.18.1", "core-js@3.51.0", "rxjs@7.8.2"),
)
ICONS = ("@mui/icons-material@5.18.0",)

SYSTEM_BYTES = 430_000_000
_SYSTEM = ("/usr/bin", "/usr/lib", "/usr/share")
_LARGEST = 20_000_000  # bytes of one of this host's files
_PIECE = 1 << 20


def is_small() -> bool:
    return os.environ.get("CUTAWAY_BENCH_IMAGE") == "small"


def big_layout() -> Path:
    """An image layout with the image tagged `latest`."""
    if not is_small() and shutil.which("npm") is None:
        pytest.skip("needs npm, for an image of its packages; CUTAWAY_BENCH_IMAGE=small does without")
    kind = "small" if is_small() else "big"
    recipe = f"{RECIPE} {kind} {platform.machine()} {sys.version_info[:2]} {SCIENCE} {SERVICES} {TOOLS} {ICONS}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cutaway-tests"
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / f"{kind}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with (cache / "big-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                (_make_small if is_small() else _make_big)(Path(folder))
                (Path(folder) / "layout").rename(kept)
    return kept


def facts(layout: Path) -> str:
    """What the image is, in a line."""
    manifest = json.loads(_blob(layout, json.loads((layout / "index.json").read_text())["manifests"][0]))
    size = sum(layer["size"] for layer in manifest["layers"])
    told = json.loads((layout / "facts.json").read_text())
    return (
        f"{len(manifest['layers'])} gzip layers, {size / 1e6:.0f} MB, "
        f"{told['bytes'] / 1e6:.0f} MB and {told['entries']:,} entries unpacked"
    )


def without_last_layer(layout: Path, folder: Path) -> Path:
    """Another image of the same layers but the last, as a layout of its own in `folder`."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    for blob in (layout / "blobs/sha256").iterdir():
        (blobs / blob.name).symlink_to(blob)

    def put(document: object, media_type: str) -> dict[str, object]:
        data = json.dumps(document).encode()
        digest = Digest.of(data)
        (blobs / digest.hex).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(_blob(layout, index["manifests"][0]))
    config = json.loads(_blob(layout, manifest["config"]))
    config["rootfs"]["diff_ids"].pop()
    manifest["layers"].pop()
    manifest["config"] = put(config, CONFIG)
    top = put(manifest, MANIFEST) | {"annotations": index["manifests"][0]["annotations"]}
    (folder / "index.json").write_text(json.dumps(index | {"manifests": [top]}))
    shutil.copy(layout / "oci-layout", folder)
    return folder


def _blob(layout: Path, descriptor: dict[str, str]) -> bytes:
    return (layout / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")).read_bytes()


def _make_big(folder: Path) -> None:
    roots = [folder / f"root{number}" for number in range(5)]
    wheels = roots[4] / "root/.cache/wheels"  # people forget such things in images: they do not compress
    for packages, root in ((SCIENCE, roots[0]), (SERVICES, roots[1])):
        target = root / "usr/lib/python3/site-packages"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        _do(*pip, "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(wheels), *packages)
        install = ["install", "--quiet", "--no-deps", "--no-compile", "--no-index", "--find-links", str(wheels)]
        _do(*pip, *install, "--target", str(target), *packages)
    for packages, root in ((TOOLS, roots[2]), (ICONS, roots[3])):
        target = root / ("usr/lib/tools" if packages is TOOLS else "usr/lib/icons")
        target.mkdir(parents=True)
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps", "--no-save", "--silent"]
        _do("npm", "install", "--prefix", str(target), *options, *packages)
    shutil.rmtree(roots[3] / "usr/lib/icons/node_modules/@mui/icons-material/esm")  # the same icons in another form
    for gone in ("numpy", "scipy/stats"):  # the last layer takes away what the one of Python's packages brought
        place = roots[4] / "usr/lib/python3/site-packages" / gone
        place.mkdir(parents=True)
        (place / ".wh.tests").touch()
    _make_layout(folder, [_system(SYSTEM_BYTES), *(["-C", str(root), "."] for root in roots)])


def _make_small(folder: Path) -> None:
    several = [folder / "one", folder / "two"]
    for number, root in enumerate(several):
        shutil.copytree(
            f"/usr/lib/python3.{sys.version_info[1]}" if number else "/usr/share/doc", root / "srv/copy", symlinks=True
        )
    _make_layout(folder, [_system(SYSTEM_BYTES // 10), *(["-C", str(root), "."] for root in several)])


def _system(budget: int) -> list[str]:
    """tar's words for a sample of this host's files: the same ones on the same host."""
    found = []
    for top in _SYSTEM:
        for where, _, names in os.walk(top):
            found += [f"{where}/{name}" for name in names]
    chosen, size = set(), 0
    for path in sorted(found, key=lambda path: hashlib.sha256(os.fsencode(path)).digest()):
        status = os.lstat(path)
        if status.st_size > _LARGEST or not (os.path.isfile(path) or os.path.islink(path)):
            continue
        size += status.st_size
        if size > budget:
            break
        chosen |= {path, *map(str, Path(path).parents)}
    with tempfile.NamedTemporaryFile("wb", delete=False, prefix="cutaway-bench-list-") as file:
        file.write(b"".join(os.fsencode(path.lstrip("/") or ".") + b"\0" for path in sorted(chosen)))
    return ["-C", "/", "--no-recursion", "--null", "--verbatim-files-from", "-T", file.name]


def _make_layout(folder: Path, sources: list[list[str]]) -> None:
    layout = folder / "layout"
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)

    put = partial(put_blob, blobs)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = list(pool.map(lambda words: _pack(blobs, words), sources))
    for words in sources:
        if "-T" in words:
            os.unlink(words[-1])
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config = {
        "architecture": machine,
        "os": "linux",
        "config": {"Cmd": ["/usr/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id for diff_id, *_ in made]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(json.dumps(config).encode(), CONFIG),
        "layers": [descriptor for _, descriptor, *_ in made],
    }
    top = put(json.dumps(manifest).encode(), MANIFEST)
    top["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    told = {"bytes": sum(size for *_, size, _ in made), "entries": sum(entries for *_, entries in made)}
    (layout / "facts.json").write_text(json.dumps(told))


def _pack(blobs: Path, words: list[str]) -> tuple[str, dict[str, object], int, int]:
    """One layer by GNU tar and gzip: its diff ID, its descriptor, bytes and entries of the archive."""
    options = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--verbose", "--index-file=/dev/stderr"]
    with tempfile.NamedTemporaryFile(dir=blobs, delete=False) as target, tempfile.TemporaryFile() as listed:
        tar = subprocess.Popen(["tar", "-c", *options, *words], stdout=subprocess.PIPE, stderr=listed)
        gzip = subprocess.Popen(["gzip", "-6n"], stdin=subprocess.PIPE, stdout=target)
        assert tar.stdout is not None
        assert gzip.stdin is not None
        hasher, size = hashlib.sha256(), 0
        for piece in _pieces(tar.stdout):
            hasher.update(piece)
            gzip.stdin.write(piece)
            size += len(piece)
        gzip.stdin.close()
        assert (tar.wait(), gzip.wait()) == (0, 0), words
        listed.seek(0)
        entries = sum(1 for _ in listed)
    path = Path(target.name)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    path.chmod(0o644)
    path.rename(blobs / digest)
    descriptor = {"mediaType": LAYER_GZIP, "digest": f"sha256:{digest}", "size": (blobs / digest).stat().st_size}
    return f"sha256:{hasher.hexdigest()}", descriptor, size, entries


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stderr or done.stdout)[-2000:]}"
