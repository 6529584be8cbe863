"""Archives and storages of the peers read, ours read by them: the same files, and they run."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Cutaway
from docker_daemon import DockerDaemon
from layer_kit import snapshot
from small_image import SAYS, small_image
from waiting import until

pytestmark = [pytest.mark.interop("skopeo", "podman", "buildah", "umoci", "busybox"), pytest.mark.root]

NAME = "docker.io/library/small:1"
LIMITS = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:4096"]
Files = dict[str, tuple[object, ...]]


def run(*words: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, cwd=cwd
    )
    assert done.returncode == 0, f"{words}: {done.stderr[-2000:]}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_image(tmp_path_factory.mktemp("small") / "layout")


@pytest.fixture(scope="module")
def small(cutaway: Cutaway, layout: Path) -> str:
    """The image in our store."""
    cutaway("pull", f"oci:{layout}")
    cutaway("tag", "localhost/layout:latest", NAME)
    cutaway("rmi", "localhost/layout:latest")
    return NAME


@pytest.fixture(scope="module")
def files(cutaway: Cutaway, small: str) -> Files:
    """What is in it, by our mount."""
    return mounted_by_us(cutaway, small)


def mounted_by_us(cutaway: Cutaway, image: str) -> Files:
    merged = cutaway.out("mount", "--name", "look", image)
    try:
        return snapshot(Path(merged))
    finally:
        cutaway("umount", "look")


def mounted_by_podman(podman: list[str], image: str) -> Files:
    try:
        return snapshot(Path(run(*podman, "image", "mount", image)))
    finally:
        run(*podman, "image", "umount", image)


# -- theirs, loaded by us ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def podmans(podman: list[str], layout: Path) -> Iterator[str]:
    """The image in podman's storage."""
    image = run(*podman, "pull", "--quiet", f"oci:{layout}:latest")
    run(*podman, "tag", image, "localhost/theirs:1")
    yield "localhost/theirs:1"
    run(*podman, "rmi", "--force", image)


def by_podman(form: str) -> Callable[..., None]:
    return lambda podman, layout, target: run(
        *podman, "save", "--quiet", f"--format={form}", f"--output={target}", "localhost/theirs:1"
    )


def by_buildah(podman: list[str], layout: Path, target: Path) -> None:
    places = [word for word in podman if word.startswith(("--root=", "--runroot="))]
    run("buildah", *places, "push", "--quiet", "localhost/theirs:1", f"docker-archive:{target}:localhost/theirs:1")


def by_skopeo(form: str) -> Callable[..., None]:
    return lambda podman, layout, target: run(
        "skopeo", "copy", "--quiet", f"oci:{layout}:latest", f"{form}:{target}:localhost/theirs:1"
    )


def by_umoci(podman: list[str], layout: Path, target: Path) -> None:
    """A layout that umoci has changed, in a directory."""
    run("cp", "-a", layout, target)
    run("umoci", "config", "--image", f"{target}:latest", "--tag", "localhost/theirs:1", "--author", "umoci")
    run("umoci", "rm", "--image", f"{target}:latest")


THEIRS = {
    "podman docker-archive": by_podman("docker-archive"),
    "podman oci-archive": by_podman("oci-archive"),
    "podman oci-dir": by_podman("oci-dir"),
    "buildah docker-archive": by_buildah,
    "skopeo docker-archive": by_skopeo("docker-archive"),
    "skopeo oci-archive": by_skopeo("oci-archive"),
    "umoci layout": by_umoci,
}


@pytest.mark.parametrize("whose", THEIRS)
def test_theirs_are_loaded_mounted_and_run(
    cutaway: Cutaway, files: Files, podman: list[str], podmans: str, layout: Path, tmp_path: Path, whose: str
) -> None:
    archive = tmp_path / "theirs"
    THEIRS[whose](podman, layout, archive)
    name = cutaway.out("load", "--input", str(archive)).removeprefix("Loaded image: ")
    assert name.startswith("localhost/theirs:")
    assert mounted_by_us(cutaway, name) == files
    if whose in ("podman docker-archive", "umoci layout"):  # the same files run the same
        assert cutaway.out("run", "--rm", "--network=none", name) == SAYS
    cutaway("rmi", name)


@pytest.mark.interop("skopeo", "podman", "buildah", "docker-registry", "busybox")
@pytest.mark.parametrize("whose", ["podman v2s2", "podman oci", "buildah oci"])
def test_what_they_push_is_pulled_by_us(
    cutaway: Cutaway, files: Files, podman: list[str], podmans: str, registry: str, whose: str
) -> None:
    program, form = whose.split()
    places = [word for word in podman if word.startswith(("--root=", "--runroot="))]
    name = f"{registry}/by/{program}:{form}"
    words = podman if program == "podman" else ["buildah", *places]
    run(*words, "push", "--quiet", "--tls-verify=false", f"--format={form}", podmans, f"docker://{name}")
    cutaway("pull", "--tls-verify=false", name)
    (found,) = cutaway.json("inspect", name)
    assert ("docker" in found["media_type"]) == (form == "v2s2")
    assert mounted_by_us(cutaway, name) == files
    cutaway("rmi", name)


def test_zstd_by_skopeo(cutaway: Cutaway, small: str, files: Files, layout: Path, tmp_path: Path) -> None:
    compressed = ["--dest-compress-format=zstd", "--dest-compress", "--dest-decompress=false"]
    run("skopeo", "copy", "--quiet", *compressed, f"docker-archive:{plain(layout, tmp_path)}", f"oci:{tmp_path}/z:1")
    blobs = [path.read_bytes()[:4] for path in (tmp_path / "z/blobs/sha256").iterdir()]
    assert blobs.count(b"\x28\xb5\x2f\xfd") == 2
    fresh = Cutaway(tmp_path / "fresh", cutaway.run)
    fresh("pull", f"oci:{tmp_path}/z:1")
    assert mounted_by_us(fresh, "localhost/z:1") == files
    assert fresh.out("run", "--rm", "--network=none", "localhost/z:1") == SAYS


def plain(layout: Path, tmp_path: Path) -> str:
    """skopeo compresses only what comes to it uncompressed."""
    run("skopeo", "copy", "--quiet", f"oci:{layout}:latest", f"docker-archive:{tmp_path}/plain.tar:z:1")
    return f"{tmp_path}/plain.tar"


def test_a_docker_archive_brings_its_image_id_and_nothing_twice(
    cutaway: Cutaway, small: str, podman: list[str], podmans: str, tmp_path: Path
) -> None:
    """Its layers are here already, compressed: the blobs are those."""
    before = {path.name for path in cutaway.root.glob("images/blobs/sha256/*")}
    by_podman("docker-archive")(podman, None, tmp_path / "a.tar")
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes(), 1))
    with (tmp_path / "a.tar.gz").open("rb") as file:
        done = subprocess.run(
            cutaway.command("load"), env=cutaway.environment, stdin=file, capture_output=True, text=True, check=True
        )
    assert done.stdout == "Loaded image: localhost/theirs:1\n"
    found = {each["reference"]: each["id"] for each in cutaway.json("images", "--json")}
    assert found["localhost/theirs:1"] == found[small]
    after = {path.name for path in cutaway.root.glob("images/blobs/sha256/*")}
    assert len(after - before) <= 1  # a manifest
    cutaway("rmi", "localhost/theirs:1")


def test_podmans_storage_is_listed_looked_at_and_pulled_from(
    tmp_path: Path, cutaway: Cutaway, files: Files, podman: list[str], podmans: str
) -> None:
    """Pulled, a layer is put together from podman's files again, to the byte: that is what its diff ID says."""
    root = next(word for word in podman if word.startswith("--root=")).removeprefix("--root=")
    place = f"containers-storage:[overlay@{root}]"
    listed = cutaway.json("images", "--json", place)
    assert f"{place}{podmans}" in [each["reference"] for each in listed]
    (looked,) = cutaway.json("inspect", place + podmans)
    assert looked["reference"] == podmans
    fresh = Cutaway(tmp_path / "fresh", cutaway.run)
    fresh("pull", place + podmans)
    assert mounted_by_us(fresh, podmans) == files
    assert [each["id"] for each in fresh.json("images", "--json")] == [listed[0]["id"]]
    assert cutaway.out("run", "--rm", "--network=none", place + podmans) == SAYS
    assert "no image" in cutaway("pull", f"{place}nobody:1", code=1).stderr


# -- ours, read by them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci-dir"])
def test_ours_are_loaded_mounted_and_run_by_podman(
    cutaway: Cutaway, small: str, files: Files, podman: list[str], tmp_path: Path, form: str
) -> None:
    cutaway("save", "--format", form, "--output", str(tmp_path / "ours"), small)
    name = run(*podman, "load", "--quiet", "--input", tmp_path / "ours").removeprefix("Loaded image: ")
    assert name == small or form == "oci-dir"  # which podman calls by its path
    assert same_but_for_podman(mounted_by_podman(podman, name), files) == {}
    assert run(*podman, "run", "--rm", "--network=none", *LIMITS, name) == SAYS
    run(*podman, "rmi", name)


def same_but_for_podman(theirs: Files, ours: Files) -> dict[str, tuple[object, ...]]:
    """Where they differ. podman's root directory has the time of its unpacking."""
    assert theirs.keys() == ours.keys()
    return {name: (theirs[name], ours[name]) for name in ours if name != "." and theirs[name] != ours[name]}


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_ours_are_read_by_skopeo_buildah_and_umoci(
    cutaway: Cutaway, small: str, files: Files, podman: list[str], tmp_path: Path, form: str
) -> None:
    cutaway("save", "--format", form, "--output", str(tmp_path / "a"), small)
    assert json.loads(run("skopeo", "inspect", f"{form}:{tmp_path}/a:{small}"))["Architecture"] == "amd64"
    run("skopeo", "copy", "--quiet", f"{form}:{tmp_path}/a:{small}", f"oci:{tmp_path}/copy:1")
    run("umoci", "unpack", "--image", f"{tmp_path}/copy:1", tmp_path / "bundle")
    assert snapshot(tmp_path / "bundle/rootfs") == files
    places = [word for word in podman if word.startswith(("--root=", "--runroot="))]
    container = run("buildah", *places, "from", "--quiet", f"{form}:{tmp_path}/a:{small}")
    try:
        directory = Path(run("buildah", *places, "mount", container))
        assert same_but_for_podman(snapshot(directory), files) == {}
    finally:
        run("buildah", *places, "rm", container)


def test_our_store_is_read_in_place_by_buildah(cutaway: Cutaway, small: str, files: Files, podman: list[str]) -> None:
    places = [word for word in podman if word.startswith(("--root=", "--runroot="))]
    container = run("buildah", *places, "from", "--quiet", f"oci:{cutaway.root}/images:{small}")
    try:
        directory = Path(run("buildah", *places, "mount", container))
        assert same_but_for_podman(snapshot(directory), files) == {}
    finally:
        run("buildah", *places, "rm", container)


def test_pushed_to_an_archive_and_a_layout(cutaway: Cutaway, small: str, tmp_path: Path) -> None:
    digest = cutaway.out("push", small, f"oci:{tmp_path}/layout:v1")
    assert run("skopeo", "inspect", "--format={{.Digest}}", f"oci:{tmp_path}/layout:v1") == digest
    cutaway("push", small, f"oci-archive:{tmp_path}/o.tar:v2", "--digestfile", str(tmp_path / "digest"))
    assert run("skopeo", "inspect", "--format={{.Digest}}", f"oci-archive:{tmp_path}/o.tar:v2") == digest
    assert (tmp_path / "digest").read_text() == digest
    cutaway("push", small, f"docker-archive:{tmp_path}/d.tar:other:3")
    named = f"docker-archive:{tmp_path}/d.tar:other:3"
    assert run("skopeo", "inspect", "--format={{.Name}}", named) == "docker.io/library/other"
    (looked,) = cutaway.json("inspect", f"docker-archive:{tmp_path}/d.tar")
    assert looked["reference"] == "docker.io/library/other:3"


@pytest.mark.interop("docker-registry", "skopeo", "busybox")
def test_inspected_where_it_is(cutaway: Cutaway, small: str, registry: str, layout: Path) -> None:
    """Without pulling it, and for another platform's sake."""
    digest = cutaway.out("push", "--tls-verify=false", small, f"{registry}/only/there:1")
    before = cutaway.json("images", "--json")
    found = cutaway.json("inspect", "--tls-verify=false", f"docker://{registry}/only/there:1", f"oci:{layout}", small)
    assert [each["digest"] for each in found] == [digest] * 3
    assert found[0]["config"] == found[2]["config"]
    assert cutaway.json("images", "--json") == before
    assert cutaway("inspect", "--tls-verify=false", f"docker://{registry}/only/there:2", code=125).stderr


# -- docker and containerd --------------------------------------------------------------------------------


@pytest.mark.interop("dockerd", "docker", "ctr", "busybox", "docker-registry", "skopeo")
def test_docker_both_ways(
    cutaway: Cutaway, small: str, files: Files, docker: DockerDaemon, registry: str, tmp_path: Path
) -> None:
    # our archive, loaded and run
    cutaway("save", "--output", str(tmp_path / "ours.tar"), small)
    assert docker("load", "--input", f"{tmp_path}/ours.tar") == "Loaded image: small:1"
    assert docker("run", "--rm", "--network=none", "small:1") == SAYS
    docker("create", "--name=look", "small:1")
    assert differences(snapshot(docker.root_of("look")), files) == {}
    docker("rm", "look")
    # docker's own archive, loaded by us
    docker("tag", "small:1", "localhost/docker:1")
    docker("save", "--output", f"{tmp_path}/theirs.tar", "localhost/docker:1", "small:1")
    said = cutaway.out("load", "--input", str(tmp_path / "theirs.tar")).splitlines()
    assert sorted(said) == ["Loaded image: docker.io/library/small:1", "Loaded image: localhost/docker:1"]
    assert mounted_by_us(cutaway, "localhost/docker:1") == files
    # what docker pushes (Docker schema 2), pulled by us; what we push, pulled by docker
    docker("tag", "small:1", f"{registry}/by/docker:1")
    docker("push", f"{registry}/by/docker:1")
    cutaway("pull", "--tls-verify=false", f"{registry}/by/docker:1")
    (inspected,) = cutaway.json("inspect", f"{registry}/by/docker:1")
    assert inspected["media_type"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert cutaway.out("run", "--rm", "--network=none", f"{registry}/by/docker:1") == SAYS
    assert mounted_by_us(cutaway, f"{registry}/by/docker:1") == files
    docker("rmi", "--force", "small:1", "localhost/docker:1", f"{registry}/by/docker:1")
    for kind in ("oci", "v2s2"):
        cutaway("push", "--tls-verify=false", "--format", kind, small, f"{registry}/by/us:{kind}")
        docker("pull", f"{registry}/by/us:{kind}")
        assert docker("run", "--rm", "--network=none", f"{registry}/by/us:{kind}") == SAYS
    for image in ("localhost/docker:1", f"{registry}/by/docker:1"):
        cutaway("rmi", image)


def differences(theirs: Files, ours: Files) -> dict[str, tuple[object, ...]]:
    """Where they differ. docker makes what a mount stands on anew for each container, and its driver vfs, which copies
    directories, keeps no attributes (daemon/graphdriver/copy)."""
    mounted = {".", "dev", "etc", "proc", "sys"}
    made = {".dockerenv", "dev/console", "dev/pts", "dev/shm"}
    made |= {"etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}
    theirs, ours = ({name: entry[:-1] for name, entry in files.items()} for files in (theirs, ours))
    assert theirs.keys() - made == ours.keys()
    return {name: (theirs[name], ours[name]) for name in ours if name not in mounted and theirs[name] != ours[name]}


@pytest.mark.interop("dockerd", "docker", "ctr", "busybox", "docker-registry", "skopeo")
def test_containerd_both_ways(
    cutaway: Cutaway, small: str, files: Files, docker: DockerDaemon, registry: str, tmp_path: Path
) -> None:
    cutaway("save", "--format=oci-archive", "--output", str(tmp_path / "ours.tar"), small)
    docker.ctr("images", "import", "--snapshotter=native", f"{tmp_path}/ours.tar")
    # ctr ends now and then before it has read what a short process says.
    until(lambda: docker.ctr("run", "--rm", "--snapshotter=native", small, "one") == SAYS)
    (tmp_path / "mnt").mkdir()
    docker.ctr("images", "mount", "--snapshotter=native", small, f"{tmp_path}/mnt")
    try:
        assert same_but_for_podman(snapshot(docker.seen(tmp_path / "mnt")), files) == {}
    finally:
        docker.ctr("images", "unmount", f"{tmp_path}/mnt")
    cutaway("push", "--tls-verify=false", small, f"{registry}/for/containerd:1")
    docker.ctr("images", "pull", "--plain-http", "--snapshotter=native", f"{registry}/for/containerd:1")
    until(lambda: docker.ctr("run", "--rm", "--snapshotter=native", f"{registry}/for/containerd:1", "two") == SAYS)
    docker.ctr("images", "tag", small, "localhost/containerd:1")
    docker.ctr("images", "export", f"{tmp_path}/theirs.tar", "localhost/containerd:1")
    assert cutaway.out("load", "--input", str(tmp_path / "theirs.tar")) == "Loaded image: localhost/containerd:1"
    assert mounted_by_us(cutaway, "localhost/containerd:1") == files
    cutaway("rmi", "localhost/containerd:1")


def test_a_short_name_is_the_same_one_as_podman_s(
    cutaway: Cutaway, layout: Path, podman: list[str], tmp_path: Path
) -> None:
    """In an archive, and where a further name is given: localhost's where no registry is in it."""
    for given in ("short:12", "org/short", "quay.io/org/short:2"):
        archive = tmp_path / "a.tar"
        run("skopeo", "copy", "--quiet", f"oci:{layout}:latest", f"oci-archive:{archive}:{given}")
        theirs = run(*podman, "load", "--quiet", "--input", archive).removeprefix("Loaded image: ")
        assert cutaway.out("load", "--quiet", "--input", str(archive)) == f"Loaded image: {theirs}"
        run(*podman, "tag", theirs, "further:1")
        cutaway("tag", theirs, "further:1")
        names = [image["reference"] for image in cutaway.json("images", "--json")]
        told = json.loads(run(*podman, "image", "inspect", theirs))[0]["RepoTags"]
        assert {"localhost/further:1", theirs} <= set(told) & set(names)
        cutaway("rmi", "localhost/further:1", theirs)
        run(*podman, "untag", theirs, "localhost/further:1", theirs)
        archive.unlink()
