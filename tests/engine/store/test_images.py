"""Names: index.json, what people type, and what other programs wrote there."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.digest import Digest
from engine.disk import DataRoot
from engine.errors import ImageUnknown, StoreError, UsageError
from engine.jobs import CancelToken
from engine.oci import INDEX, MANIFEST, REF_NAME, Descriptor, ImageConfig, RootFS, encode
from engine.store import Store

DEBIAN = "docker.io/library/debian:12"
QUAY = "quay.io/org/tool:v1"
LOCAL = "localhost/tool:v1"
DEMO = "localhost/cutaway/demo:latest"


def index(store: Store) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((store.root.images / "index.json").read_bytes())
    return tree


def rewrite(store: Store, tree: dict[str, Any]) -> None:
    (store.root.images / "index.json").write_text(json.dumps(tree))


def test_an_empty_store_is_a_layout(store: Store) -> None:
    assert json.loads((store.root.images / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert index(store) == {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    assert store.images() == []


def test_prepare_keeps_what_is_there(store: Store, add_image: Any) -> None:
    add_image(b"x", names=(DEBIAN,))
    store.prepare()
    assert [image.name for image in store.images()] == [DEBIAN]


def test_images_are_told_by_name_with_what_they_are(store: Store, add_image: Any) -> None:
    one = add_image(b"one", names=(QUAY, DEBIAN))
    add_image(b"one", b"two", names=(DEMO,))
    images = store.images()
    assert [image.name for image in images] == [DEBIAN, DEMO, QUAY]
    assert images[0].descriptor.digest == one.digest == images[2].descriptor.digest
    assert images[0].config_digest == images[0].manifest.config.digest
    assert len(images[1].chain_ids) == 2
    assert images[1].chain_ids[0] == images[0].chain_ids[0]
    assert Store(store.root).images() == images


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (DEBIAN, DEBIAN),
        ("debian:12", DEBIAN),
        ("library/debian:12", DEBIAN),
        ("docker.io/debian:12", DEBIAN),
        ("demo", DEMO),
        ("cutaway/demo", DEMO),
        ("localhost/cutaway/demo", DEMO),
        ("tool:v1", LOCAL),  # localhost's before any other
        ("org/tool:v1", QUAY),
        (QUAY, QUAY),
    ],
)
def test_what_people_type_finds_the_image(store: Store, add_image: Any, typed: str, name: str) -> None:
    for number, each in enumerate((DEBIAN, QUAY, LOCAL, DEMO)):
        add_image(bytes([number]), names=(each,))
    assert store.find(typed).name == name


@pytest.mark.parametrize(
    "typed", ["debian", "debian:11", "bian:12", "o/demo", "quay.io/tool:v1", "tool", "", "abc", "!"]
)
def test_what_is_not_here_is_unknown(store: Store, add_image: Any, typed: str) -> None:
    for number, each in enumerate((DEBIAN, QUAY, LOCAL, DEMO)):
        add_image(bytes([number]), names=(each,))
    with pytest.raises(ImageUnknown):
        store.find(typed)


def test_the_hint_is_a_command_that_can_be_typed(store: Store) -> None:
    with pytest.raises(ImageUnknown) as caught:
        store.find("debian:12")
    assert caught.value.hint == "Get it with: cutaway pull debian:12"
    with pytest.raises(ImageUnknown) as caught:
        store.find("no such; rm -rf /\x1b")
    assert "pull" not in caught.value.hint
    assert "\x1b" not in str(caught.value)


def test_an_image_is_found_by_its_ids(store: Store, add_image: Any) -> None:
    add_image(b"other", names=(QUAY,))
    descriptor = add_image(b"x", names=(DEBIAN, "localhost/second:latest"))
    image = store.find(DEBIAN)
    for typed in (
        image.config_digest,
        image.config_digest.hex,
        image.config_digest.hex[:12],
        image.config_digest.hex[:5],
        descriptor.digest,
        descriptor.digest.hex,
        f"debian@{descriptor.digest}",
    ):
        assert store.find(typed).config_digest == image.config_digest, typed
    with pytest.raises(ImageUnknown):
        store.find(image.config_digest.hex[:3])
    with pytest.raises(ImageUnknown):
        store.find(f"another@{descriptor.digest}")


def test_a_name_goes_before_an_id(store: Store, add_image: Any) -> None:
    add_image(b"x", names=(DEBIAN,))
    beginning = store.find(DEBIAN).config_digest.hex[:4]
    named = f"docker.io/library/{beginning}:latest"
    add_image(b"y", names=(named,))
    assert store.find(beginning).name == named


def test_what_can_mean_several_is_a_question_back(store: Store, add_image: Any) -> None:
    add_image(b"x", names=("quay.io/a/tool:v1",))
    add_image(b"y", names=("quay.io/b/tool:v1",))
    with pytest.raises(UsageError, match=r"several images: quay\.io/a/tool:v1 .*quay\.io/b/tool:v1"):
        store.find("tool:v1")
    add_image(b"x", names=("quay.io/b/tool:v1",))
    assert store.find("tool:v1").name == "quay.io/a/tool:v1"  # the same image by both names


def test_an_ambiguous_beginning_of_an_id(store: Store, add_image: Any) -> None:
    seen: dict[str, bytes] = {}
    for number in range(5000):
        content = b"%d" % number
        config = encode(ImageConfig("amd64", "linux", RootFS("layers", [Digest.of(content)])))
        beginning = Digest.of(config).hex[:4]
        if beginning in seen:
            break
        seen[beginning] = content
    add_image(content, names=("localhost/i:1",))
    add_image(seen[beginning], names=("localhost/i:2",))
    with pytest.raises(UsageError, match="several"):
        store.find(beginning)
    assert store.find(Digest.of(config).hex[:12]).name == "localhost/i:1"


def test_a_name_moves(store: Store, add_image: Any) -> None:
    add_image(b"old", names=(DEBIAN,))
    new = add_image(b"new", names=(DEBIAN,))
    assert [image.descriptor.digest for image in store.images()] == [new.digest]
    assert len(index(store)["manifests"]) == 1


def test_untag_takes_one_name_away(store: Store, add_image: Any) -> None:
    add_image(b"x", names=(DEBIAN, QUAY))
    store.untag(DEBIAN)
    assert [image.name for image in store.images()] == [QUAY]
    with pytest.raises(ImageUnknown):
        store.untag(DEBIAN)


def test_what_is_not_whole_gets_no_name(store: Store, add_image: Any) -> None:
    descriptor = add_image(b"x")
    layer = Digest.of(b"x")
    store.blob_path(layer).unlink()
    with pytest.raises(StoreError, match=f"{layer} is missing"):
        store.tag(DEBIAN, descriptor)
    assert store.images() == []


def test_an_image_that_lost_a_document_is_not_offered(store: Store, add_image: Any) -> None:
    add_image(b"x", names=(DEBIAN,))
    broken = add_image(b"y", names=(QUAY,))
    store.blob_path(broken.digest).write_bytes(b"{}")
    assert [image.name for image in Store(store.root).images()] == [DEBIAN]
    store.blob_path(broken.digest).unlink()
    assert [image.name for image in store.images()] == [DEBIAN]


def test_what_others_wrote_into_the_index_is_kept(store: Store, add_image: Any) -> None:
    descriptor = add_image(b"x", names=(DEBIAN,))
    tree = index(store)
    signature = {"mediaType": "application/x", "digest": descriptor.digest, "size": 1, "data": "QQ==", "x": [1]}
    unnamed = {"mediaType": MANIFEST, "digest": descriptor.digest, "size": descriptor.size}
    short = {**unnamed, "annotations": {REF_NAME: "mine", "more": "kept"}}
    rewrite(store, {**tree, "annotations": {"a": "b"}, "z": 1, "manifests": [signature, unnamed, short]})
    store.tag(QUAY, descriptor)
    store.untag(QUAY)
    assert index(store) == {**tree, "annotations": {"a": "b"}, "z": 1, "manifests": [signature, unnamed, short]}
    assert [image.name for image in store.images()] == ["mine"]
    assert store.find("mine").name == "mine"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"schemaVersion":2}', b'{"schemaVersion":2,"manifests":[{}]}', b"[]"])
def test_a_damaged_index_is_said_and_not_made_worse(store: Store, add_image: Any, damage: bytes) -> None:
    descriptor = add_image(b"x")
    (store.root.images / "index.json").write_bytes(damage)
    with pytest.raises(StoreError, match="the store is damaged"):
        store.images()
    with pytest.raises(StoreError, match="the store is damaged"):
        store.tag(DEBIAN, descriptor)
    assert (store.root.images / "index.json").read_bytes() == damage


def test_a_store_that_was_never_prepared_has_no_images(tmp_path: Path) -> None:
    assert Store(DataRoot(tmp_path / "none")).images() == []
    with pytest.raises(ImageUnknown):
        Store(DataRoot(tmp_path / "none")).find("debian:12")


def test_names_given_at_once_are_all_kept(store: Store, add_image: Any) -> None:
    descriptor = add_image(b"x")

    def work(number: int) -> None:
        for each in range(5):
            Store(store.root).tag(f"localhost/t{number}:{each}", descriptor)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.images()) == 20


def test_a_name_is_a_full_reference(store: Store, add_image: Any) -> None:
    descriptor: Descriptor = add_image(b"x")
    for name in ("debian", "debian:12", "x\n", ""):
        with pytest.raises(UsageError):
            store.tag(name, descriptor)


# -- digests in names -------------------------------------------------------------------------------------

OTHER = Digest(f"sha256:{'a' * 64}")


def test_a_digest_in_a_name_is_the_image_s_own(store: Store, add_image: Any) -> None:
    image = add_image(b"x", names=(DEBIAN,))
    store.tag(f"quay.io/a/b@{image.digest}", image)
    assert store.find(f"quay.io/a/b@{image.digest}").descriptor.digest == image.digest
    for name in (f"docker.io/library/debian@{OTHER}", f"{DEBIAN}@{OTHER}"):
        with pytest.raises(UsageError, match="has the digest of another image"):
            store.tag(name, image)
        with pytest.raises(UsageError, match="has the digest of another image"):
            store.tag(name, image, image.digest)
    assert len(store.images()) == 2


def test_a_digest_in_a_name_may_be_the_index_s_by_which_it_came(store: Store, add_image: Any) -> None:
    image, name = add_image(b"x", names=(DEBIAN,)), f"docker.io/library/debian@{OTHER}"
    store.tag(name, image, OTHER)
    assert Store(store.root).find(f"debian@{OTHER}").descriptor.digest == image.digest
    store.tag(DEBIAN, image, OTHER)  # where the name has no digest nothing is noted
    assert [entry["annotations"] for entry in index(store)["manifests"]][1] == {REF_NAME: DEBIAN}


def test_a_digest_that_another_program_wrote_into_a_name_leads_nowhere(store: Store, add_image: Any) -> None:
    image, name = add_image(b"x", names=(DEBIAN,)), f"docker.io/library/debian@{OTHER}"
    tree = index(store)
    tree["manifests"].append({**tree["manifests"][0], "annotations": {REF_NAME: name}})
    rewrite(store, tree)
    with pytest.raises(ImageUnknown, match="has the digest of another image"):
        store.find(f"debian@{OTHER}")
    assert [each.name for each in store.images()] == [DEBIAN]
    assert store.of_digest(image.digest).descriptor.digest == image.digest
    assert [problem.code for problem in store.check(lambda: [], CancelToken(), repair=True)] == ["image-damaged"]
    assert len(index(store)["manifests"]) == 1
