"""Damage is found, said, and put right by taking it away."""

import json
from typing import Any

import pytest

from engine.digest import Digest
from engine.errors import Cancelled, ImageUnknown, StoreError
from engine.jobs import CancelToken
from engine.oci import CONFIG, MANIFEST, Descriptor, ImageConfig, Manifest, RootFS, encode
from engine.reference import BUILT_IN
from engine.store import Store

ONE, TWO = "localhost/one:latest", "localhost/two:latest"


def nothing() -> list[Digest]:
    return []


def check(store: Store, *, repair: bool = False, in_use: Any = nothing) -> list[str]:
    return [problem.code for problem in store.check(in_use, CancelToken(), repair=repair)]


@pytest.fixture
def filled(store: Store, add_image: Any) -> Store:
    add_image(b"base", b"one", names=(ONE,))
    add_image(b"base", b"two", names=(TWO,))
    return store


def test_a_sound_store_has_nothing_to_tell(filled: Store) -> None:
    assert check(filled) == check(filled, repair=True) == []
    assert len(filled.images()) == 2


def test_a_blob_that_rotted_is_found_and_the_images_with_it(filled: Store, add_image: Any) -> None:
    path = filled.blob_path(Digest.of(b"one"))
    path.write_bytes(b"0ne")
    assert check(filled) == ["blob-damaged"]
    assert path.exists()
    assert check(filled, repair=True) == ["blob-damaged", "image-damaged"]
    assert [image.name for image in filled.images()] == [TWO]
    assert check(filled) == []
    add_image(b"base", b"one", names=(ONE,))
    assert len(filled.images()) == 2


def test_a_document_that_rotted(filled: Store) -> None:
    config = filled.find(ONE).config_digest
    filled.blob_path(config).write_bytes(b"{}")
    fresh = Store(filled.root)
    problems = fresh.check(nothing, CancelToken())
    assert [problem.code for problem in problems] == ["blob-damaged", "image-damaged"]
    assert config in problems[0].message
    assert problems[1].hint == f"Pull it again: cutaway pull {ONE}"


def test_a_missing_layer_blob(filled: Store) -> None:
    filled.blob_path(Digest.of(b"one")).unlink()
    (problem,) = filled.check(nothing, CancelToken())
    assert problem.code == "image-damaged"
    assert Digest.of(b"one") in problem.message


def test_a_blob_that_is_something_else(filled: Store) -> None:
    path = filled.blob_path(Digest.of(b"one"))
    path.unlink()
    path.mkdir()
    assert check(filled) == ["blob-unreadable", "image-damaged"]


def test_half_layers(filled: Store) -> None:
    base, one = filled.find(ONE).chain_ids
    (filled.root.layers / base.hex / "layer.json").unlink()
    assert check(filled) == ["layer-damaged"] * 3  # base, and those on it
    (filled.layer_path(one) / "content").unlink()
    filled.layer_path(one).rmdir()
    assert check(filled, repair=True).count("layer-damaged") == 3
    assert check(filled) == []  # what is not expanded is so at its next use
    assert list(filled.root.layers.iterdir()) == []


def test_a_damaged_layer_that_a_container_stands_on_stays(filled: Store) -> None:
    chain = filled.find(ONE).chain_ids
    (filled.root.layers / chain[0].hex / "layer.json").write_bytes(b"")
    problems = filled.check(lambda: chain, CancelToken(), repair=True)
    assert any("remove that first" in problem.hint for problem in problems)
    assert all((filled.root.layers / chain_id.hex).exists() for chain_id in chain)
    filled.untag(ONE)
    filled.untag(TWO)
    filled.sweep(lambda: chain)
    assert all((filled.root.layers / chain_id.hex).exists() for chain_id in chain)


def test_an_incoherent_image_is_not_offered_and_found(store: Store, add_image: Any) -> None:
    """skopeo may have copied anything into the layout."""
    layer = add_image(b"x", names=(ONE,))
    config = store.put_blob(encode(ImageConfig("amd64", "linux", RootFS("layers", []))), CONFIG)
    manifest = encode(Manifest(2, config, store.find(ONE).manifest.layers, MANIFEST))
    blob = store.put_blob(manifest, MANIFEST)
    path = store.root.images / "index.json"
    tree = json.loads(path.read_bytes())
    tree["manifests"][0].update(digest=blob.digest, size=blob.size)
    path.write_text(json.dumps(tree))
    assert layer.digest != blob.digest
    assert store.images() == []
    assert check(store) == ["image-damaged"]


def test_an_index_that_cannot_be_read_is_put_aside_and_made_anew(filled: Store) -> None:
    before = {image.descriptor.digest for image in filled.images()}
    path = filled.root.images / "index.json"
    path.write_bytes(b"garbage")
    with pytest.raises(StoreError) as caught:
        filled.images()
    assert "cutaway system check --repair" in caught.value.hint
    assert check(filled) == ["index-damaged"]
    assert check(filled, repair=True) == ["index-damaged"]
    assert path.with_name("index.json.damaged").read_bytes() == b"garbage"
    images = filled.images()
    assert {image.descriptor.digest for image in images} == before
    assert all(image.name == f"localhost/recovered:{image.descriptor.digest.short}" for image in images)
    assert check(filled) == []
    assert filled.sweep(nothing).blobs == ()


def test_a_lost_index_is_made_anew_before_anything_is_swept(filled: Store) -> None:
    before = {image.descriptor.digest for image in filled.images()}
    (filled.root.images / "index.json").unlink()
    fresh = Store(filled.root)
    fresh.prepare()
    assert fresh.sweep(nothing).blobs == ()
    assert {image.descriptor.digest for image in fresh.images()} == before


def test_a_damaged_manifest_is_told_wherever_the_image_is_asked_for(filled: Store) -> None:
    filled.blob_path(filled.find(ONE).descriptor.digest).write_bytes(b"garbage")
    fresh = Store(filled.root)
    assert [image.name for image in fresh.images()] == [TWO]
    (problem,) = fresh.unreadable_images()
    assert f"the image {ONE} is damaged" in problem.message
    for name in (ONE, "one", "localhost/one"):
        with pytest.raises(ImageUnknown, match=f"the image {ONE} is damaged") as caught:
            fresh.find(name)
        assert "system check --repair" in caught.value.hint
    check(fresh, repair=True)
    assert fresh.unreadable_images() == []


def test_the_built_in_image_is_not_to_be_pulled(store: Store, add_image: Any) -> None:
    with pytest.raises(ImageUnknown) as caught:
        store.find(BUILT_IN)
    assert caught.value.hint == "Get it with: cutaway demo"
    add_image(b"x", names=(BUILT_IN,))
    store.blob_path(Digest.of(b"x")).unlink()
    (problem,) = store.check(nothing, CancelToken())
    assert problem.hint == "Make it again: cutaway demo"


def test_what_does_not_belong_there_is_told_and_left_alone(filled: Store) -> None:
    (filled.root.layers / "abc").mkdir()
    for path in (filled.root.layers / "junk", filled.root.images / "blobs/sha256/notahash"):
        path.touch()
    assert check(filled, repair=True) == check(filled) == ["stranger"] * 3


def test_no_layer_goes_where_it_is_not_known_what_is_in_use(filled: Store) -> None:
    chain = filled.find(ONE).chain_ids
    (filled.root.layers / chain[0].hex / "layer.json").write_bytes(b"")
    assert "layer-damaged" in check(filled, repair=True, in_use=lambda: None)
    assert all((filled.root.layers / chain_id.hex).exists() for chain_id in chain)


def test_what_is_another_program_s_is_not_judged(filled: Store) -> None:
    path = filled.root.images / "index.json"
    tree = json.loads(path.read_bytes())
    stray = Descriptor("application/x", Digest.of(b"elsewhere"), 5)
    tree["manifests"].append(json.loads(encode(stray)))
    path.write_text(json.dumps(tree))
    assert check(filled, repair=True) == []
    assert json.loads(path.read_bytes()) == tree


def test_it_can_be_cancelled(filled: Store) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        filled.check(nothing, token)


def test_a_repair_waits_for_a_pull_and_can_be_cancelled(filled: Store) -> None:
    token = CancelToken()
    with filled.holding():
        assert check(filled) == []
        token.cancel()
        with pytest.raises(Cancelled):
            filled.check(nothing, token, repair=True)
