"""Image archives of any origin: what is in them is found, and what is wrong with them is told."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from engine.archives import docker
from engine.archives.loading import archived, sources
from engine.archives.opening import opened
from engine.digest import Digest
from engine.errors import Cancelled, ContentError, CutawayError, ImageUnknown, StoreError, UsageError
from engine.jobs import Job
from engine.oci import Platform
from engine.reference import Transport
from engine.source import Directory
from engine.store import LayoutSource, Store

AMD64 = Platform("amd64", "linux")
Members = list[tuple[str, bytes]]


def tar(members: Members, *more: tarfile.TarInfo) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for each in more:
            archive.addfile(each)
    return raw.getvalue()


LAYERS = [tar([("etc/hostname", b"one\n")]), tar([("etc/motd", b"two\n")])]


def config(*layers: bytes) -> bytes:
    diff_ids = [Digest.of(layer) for layer in layers]
    return json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    ).encode()


def docker_members(*tags: str, layers: list[bytes] = LAYERS, **changes: object) -> Members:
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    item = {"Config": "config.json", "RepoTags": list(tags) or None, "Layers": names, **changes}
    return [
        *zip(names, layers, strict=True),
        ("config.json", config(*layers)),
        ("manifest.json", json.dumps([item]).encode()),
    ]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def names_in(archive: Path, store: Store, job: Job) -> list[str]:
    with opened(archive, store.root, job) as folder:
        return [source.name for source in sources(folder, store)]


# -- what is in it ----------------------------------------------------------------------------------------

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip in two members": lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "zstd in two frames": lambda data: b"".join(
        zstandard.ZstdCompressor(write_checksum=True).compress(part) for part in (data[:9000], data[9000:])
    ),
}


@pytest.mark.parametrize("how", PACKERS)
def test_compressed_in_any_way(how: str, store: Store, job: Job, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", PACKERS[how](tar(docker_members("debian:12"))))
    with opened(path, store.root, job) as folder:
        (source,) = sources(folder, store)
        image = source.image(AMD64, job)
    assert source.name == "docker.io/library/debian:12"
    assert image.config_raw == config(*LAYERS)
    for layer, plain in zip(image.manifest.layers, LAYERS, strict=True):
        assert gzip.decompress(store.blob_path(layer.digest).read_bytes()) == plain
    assert list(store.root.tmp.iterdir()) == []


@pytest.mark.parametrize("how", [how for how in PACKERS if how != "plain"])
def test_cut_short_or_damaged(how: str, store: Store, job: Job, tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(200_000)
    whole = PACKERS[how](tar([*docker_members("debian:12"), ("more", noise)]))
    for damaged in (whole[: len(whole) // 2], whole[: len(whole) // 2] + b"\xff" * 99 + whole[len(whole) // 2 + 99 :]):
        path = write(tmp_path / "a.tar", damaged)
        with pytest.raises(ContentError, match=r"a\.tar is damaged|no image archive"):
            names_in(path, store, job)
        assert list(store.root.tmp.iterdir()) == []


def test_from_a_pipe(store: Store, job: Job) -> None:
    read, write_end = os.pipe()
    with os.fdopen(read, "rb") as file, os.fdopen(write_end, "wb") as out:
        out.write(tar(docker_members("debian:12")))
        out.close()
        with opened(file, store.root, job) as folder:
            assert [source.name for source in sources(folder, store)] == ["docker.io/library/debian:12"]


def test_all_tags_and_none(store: Store, job: Job, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", tar(docker_members("debian:12", "localhost/debian:12", "debian:12", "Not A Name")))
    with opened(path, store.root, job) as folder:
        (source,) = docker.sources(folder, store)
    assert (source.name, source.more) == ("docker.io/library/debian:12", ("localhost/debian:12",))
    nameless = write(tmp_path / "My Image.tar.gz", gzip.compress(tar(docker_members())))
    assert names_in(nameless, store, job) == [f"localhost/my-image:{Digest.of(config(*LAYERS)).short}"]


def test_no_archive_chooses_the_digest_in_a_name(store: Store, job: Job, tmp_path: Path) -> None:
    """Who asks for a digest would get what whoever made the archive likes."""
    for name in (f"debian@sha256:{'a' * 64}", f"docker.io/library/debian:12@sha256:{'a' * 64}"):
        path = write(tmp_path / "a.tar", tar(docker_members("ok:1", name)))
        with pytest.raises(ContentError, match="a digest that it cannot have"):
            names_in(path, store, job)


def test_links_lead_to_the_layer_that_they_mean(store: Store, job: Job, tmp_path: Path) -> None:
    """`docker save` wrote a layer that several images have once, and links for the others."""
    members = [("a/layer.tar", LAYERS[0]), *docker_members("x:1", layers=LAYERS[:1], Layers=["b/layer.tar"])[1:]]
    for kind, target in ((tarfile.SYMTYPE, "../a/layer.tar"), (tarfile.LNKTYPE, "a/layer.tar")):
        link = tarfile.TarInfo("b/layer.tar")
        link.type, link.linkname = kind, target
        path = write(tmp_path / "a.tar", tar(members, link))
        with opened(path, store.root, job) as folder:
            assert sources(folder, store)[0].image(AMD64, job).manifest.layers


def test_layers_that_are_compressed_inside(store: Store, job: Job, tmp_path: Path) -> None:
    members = docker_members("x:1", layers=LAYERS[:1])
    members[0] = ("0/layer.tar", gzip.compress(LAYERS[0]))
    with opened(write(tmp_path / "a.tar", tar(members)), store.root, job) as folder:
        (layer,) = sources(folder, store)[0].image(AMD64, job).manifest.layers
    assert gzip.decompress(store.blob_path(layer.digest).read_bytes()) == LAYERS[0]


def test_the_same_image_has_the_same_blobs_whatever_its_archive(store: Store, job: Job, tmp_path: Path) -> None:
    big = tar([(f"file-{n}", random.Random(n).randbytes(70_001)) for n in range(40)])
    found = set()
    for how in ("plain", "gzip", "zstd"):
        path = write(tmp_path / "a.tar", PACKERS[how](tar(docker_members("x:1", layers=[big]))))
        with opened(path, store.root, job) as folder:
            found.add(sources(folder, store)[0].image(AMD64, job).descriptor.digest)
    assert len(found) == 1


# -- one of several ---------------------------------------------------------------------------------------


def two_images(path: Path) -> Path:
    items = []
    members: Members = [("0.tar", LAYERS[0]), ("1.tar", LAYERS[1])]
    for number, tag in enumerate(("debian:12", "localhost/other:1")):
        members.append((f"{number}.json", config(LAYERS[number])))
        items.append({"Config": f"{number}.json", "RepoTags": [tag], "Layers": [f"{number}.tar"]})
    return write(path, tar([*members, ("manifest.json", json.dumps(items).encode())]))


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("debian:12", "docker.io/library/debian:12"),
        ("docker.io/library/debian:12", "docker.io/library/debian:12"),
        ("localhost/other:1", "localhost/other:1"),
        ("@1", "localhost/other:1"),
    ],
)
def test_by_name_or_number(wanted: str, name: str, store: Store, job: Job, tmp_path: Path) -> None:
    path = two_images(tmp_path / "two.tar")
    with archived(Transport.DOCKER_ARCHIVE, f"{path}:{wanted}", store, job) as source:
        assert source.name == name


@pytest.mark.parametrize(
    ("wanted", "error", "told"),
    [
        ("", ImageUnknown, "name one"),
        (":nowhere", ImageUnknown, "nowhere"),
        (":@2", UsageError, "@2"),
        (":@x", UsageError, "@x"),
        (":UPPER", UsageError, "UPPER"),
    ],
)
def test_one_that_is_not_there(
    wanted: str, error: type[CutawayError], told: str, store: Store, job: Job, tmp_path: Path
) -> None:
    path = two_images(tmp_path / "two.tar")
    with pytest.raises(error, match=told), archived(Transport.DOCKER_ARCHIVE, f"{path}{wanted}", store, job):
        pass


# -- what must not be -------------------------------------------------------------------------------------


def link(name: str, target: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = tarfile.SYMTYPE, target
    return made


def device(name: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.devmajor, made.devminor = tarfile.CHRTYPE, 1, 3
    return made


WRONG: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is empty"),
    "text": (b"root:x:0:0:\n" * 100, "no tar archive"),
    "no image": (tar([("etc/passwd", b"")]), "neither oci-layout nor manifest.json"),
    "cut short": (tar(docker_members("x:1", layers=[tar([("f", bytes(70_000))])]))[:40_000], "ends in the middle"),
    "two manifests": (tar([*docker_members("x:1"), ("manifest.json", b"[]")]), "'manifest.json' twice"),
    "no manifest at all": (tar([("manifest.json", b"{}")]), "cannot be read"),
    "an empty one": (tar([("manifest.json", b"[]")]), "no images"),
    "a layer less": (tar(docker_members("x:1", Layers=["0/layer.tar"])), "not coherent"),
    "a layer that is not there": (tar(docker_members("x:1", Layers=["0/layer.tar", "2/layer.tar"])), "has no file"),
    "another layer": (tar(docker_members("x:1", Layers=["1/layer.tar", "1/layer.tar"])), "as its configuration says"),
    "a file of the host": (tar(docker_members("x:1", Config="../../../../etc/passwd")), "has no file"),
    "a link to the host": (
        tar(docker_members("x:1", Config="there"), link("there", "/etc/passwd")),
        "has no file",
    ),
    "links in a circle": (
        tar(docker_members("x:1", Config="a"), link("a", "b"), link("b", "a")),
        "has no file",
    ),
    "a device": (tar(docker_members("x:1"), device("zero")), "no regular file"),
}


@pytest.mark.parametrize("what", WRONG)
def test_is_told_in_words_and_leaves_nothing(what: str, store: Store, job: Job, tmp_path: Path) -> None:
    data, told = WRONG[what]
    path = write(tmp_path / "a.tar", data)

    def everything() -> None:
        with opened(path, store.root, job) as folder:
            found = sources(folder, store)
            if not found:
                raise ContentError("no images")
            for source in found:
                source.image(AMD64, job)

    with pytest.raises((ContentError, StoreError), match=told):
        everything()
    assert store.images() == []
    assert list(store.root.tmp.iterdir()) == []


def test_a_directory_is_not_left(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("s")
    for name in ("../secret", "/etc/passwd", "a/../../secret"):
        with pytest.raises(ContentError, match="leads out of"):
            Directory(tmp_path / "in").read(name, 10)


def test_no_more_files_than_an_image_archive_can_have(
    store: Store, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.layers.members._MOST", 50)
    path = write(tmp_path / "a.tar", tar([(f"f{n}", b"") for n in range(51)]))
    with pytest.raises(ContentError, match="more than 50 files"):
        names_in(path, store, job)


def test_cancelled_while_it_is_copied(store: Store, tmp_path: Path) -> None:
    job = Job("test", lambda event: None)
    path = write(tmp_path / "a.tar", gzip.compress(tar(docker_members("x:1"))))
    job.cancel()
    with pytest.raises(Cancelled), opened(path, store.root, job):
        pass
    assert list(store.root.tmp.iterdir()) == []


# -- an image layout in an archive ------------------------------------------------------------------------


def test_a_layout_as_gnu_tar_packs_it(store: Store, job: Job, tmp_path: Path) -> None:
    """`tar -C layout -c .`: names begin with `./`, and directories have entries, too."""
    from real_registry import make_layout

    layout = make_layout(tmp_path / "layout", [{"etc/hostname": b"one\n"}])
    path = tmp_path / "layout.tar"
    subprocess.run(["tar", "-C", str(layout), "-cf", str(path), "."], check=True)
    with opened(path, store.root, job) as folder:
        (source,) = sources(folder, store)
        assert source.name == "localhost/layout:latest"
        image = source.image(AMD64, job)
        (layer,) = image.manifest.layers
        whole = b"".join(source.blob(layer, 0, job))
        assert layer.digest.names(whole)
        assert b"".join(source.blob(layer, 7, job)) == whole[7:]
    assert image.manifest_raw == LayoutSource(layout).image(AMD64, job).manifest_raw


def test_a_name_that_docker_and_containerd_write_beside_the_tag(store: Store, job: Job, tmp_path: Path) -> None:
    from real_registry import make_layout

    layout = make_layout(tmp_path / "layout", [{"etc/hostname": b"one\n"}])
    index = json.loads((layout / "index.json").read_text())
    index["manifests"][0]["annotations"] |= {"io.containerd.image.name": "docker.io/library/busybox:latest"}
    (layout / "index.json").write_text(json.dumps(index))
    assert names_in(layout, store, job) == ["docker.io/library/busybox:latest"]
