"""What can be done without anything being selected: on this host, its store, with registries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine import UsageError, check_name_to_pull, human_size, visible
from tui.bench import Bench
from tui.deeds.adopting import adopt, adopt_file
from tui.deeds.asking import TLS, ask_for_one, tls_flags
from tui.deeds.deed import Deed, Offer
from tui.deeds.elsewhere import look_elsewhere, podmans_images
from tui.deeds.lists import show_stats, show_volumes
from tui.deeds.with_options import of_directory
from tui.dialogs.form import Field, Form, Values
from tui.dialogs.page import Page
from tui.state import State
from tui.text import counted


async def _tour(bench: Bench, offer: Offer[State]) -> None:
    from tui.sheets.tour import TourScreen  # seldom wanted

    await bench.put(TourScreen(bench))


async def _pull(bench: Bench, offer: Offer[State]) -> None:
    # What did not arrive is tried again as it was asked for.
    failed = next((pull for pull in bench.state.pulls.values() if pull.finished and not pull.out), None)
    verify = failed.tls_verify if failed else "--tls-verify=false" not in bench.state.flags.get("pull", ())

    def line(values: Values) -> str:
        return bench.desk.command("pull", *tls_flags(values), *_platform(values), values["name"] or "NAME")

    def wrong(values: Values) -> str:
        try:
            check_name_to_pull(values["name"])
        except UsageError as error:
            return f"{error.message}. {error.hint}" if values["name"] else "the name is missing"
        return ""

    fields = [
        Field("name", "name", failed.name if failed else "", "name[:tag]", over=True),
        replace(TLS, value="yes" if verify else ""),
        Field("platform", "platform", failed.platform or "" if failed else "", "this host's; OS/ARCH[/VARIANT]"),
    ]
    detail = "A name as podman and docker read it, or a layout on disk:\ndebian:12   quay.io/org/app   oci:DIR:TAG"
    given = await bench.put(Form("Pull an image", fields, done="pull", detail=detail, line=line, wrong=wrong))
    if given is not None:
        bench.conductor.transfers.pull(given["name"], tls_verify=bool(given["tls"]), platform=given["platform"] or None)


def _platform(values: Values) -> list[str]:
    return ["--platform", values["platform"]] if values["platform"] else []


def _demo(bench: Bench, offer: Offer[State]) -> None:
    bench.conductor.demo()


async def _login(bench: Bench, offer: Offer[State]) -> None:
    fields = [
        Field("registry", "registry", hint="quay.io"),
        Field("user", "user"),
        Field("password", "password, kept where podman keeps it", secret=True),
        TLS,
    ]

    def wrong(values: Values) -> str:
        lacking = [name for name in ("registry", "user", "password") if not values[name]]
        return f"the {lacking[0]} is missing" if lacking else ""

    def line(values: Values) -> str:
        words = ["-u", values["user"] or "USER", values["registry"] or "REGISTRY"]
        return bench.desk.command("login", *tls_flags(values), *words)

    given = await bench.put(Form("Log in to a registry", fields, done="log in", line=line, wrong=wrong))
    if given is None:
        return
    where = await bench.result(
        f"login {given['registry']}",
        lambda workbench, job: workbench.login(
            given["registry"], given["user"], given["password"], job, tls_verify=bool(given["tls"])
        ),
        line(given),
    )
    if where is not None:
        bench.say(f"Logged in to {given['registry']}. Kept in {where}.")


async def _logout(bench: Bench, offer: Offer[State]) -> None:
    name = await ask_for_one(bench, "Log out of a registry", "registry", ("logout",), "log out")
    if name:
        where = await bench.result(
            f"logout {name}", lambda workbench, job: workbench.logout(name), bench.desk.command("logout", name)
        )
        if where is not None:
            bench.say(f"Logged out of {name}. It was kept in {where}.")


async def _tags(bench: Bench, offer: Offer[State]) -> None:
    def line(values: Values) -> str:
        return bench.desk.command("tags", *tls_flags(values), values["name"] or "REPOSITORY")

    def wrong(values: Values) -> str:
        return "" if values["name"] else "the repository is missing"

    fields = [Field("name", "repository", hint="quay.io/org/app"), TLS]
    form = Form("The tags of a repository", fields, done="ask the registry", line=line, wrong=wrong)
    given = await bench.put(form)
    if given is None:
        return
    name, verify = given["name"], bool(given["tls"])
    found = await bench.result(
        f"tags {name}", lambda workbench, job: list(workbench.tags(name, job, tls_verify=verify)), line(given)
    )
    if found is not None:
        await bench.put(Page(f"{counted(len(found), 'tag')} of {name}", [("", "\n".join(found) or "none")]))


async def _load(bench: Bench, offer: Offer[State]) -> None:
    name = await ask_for_one(bench, "Images from an archive", "archive", ("load", "-i"), "load")
    if name:
        path, command = Path(name).expanduser(), bench.desk.command("load", "-i", name)
        images = await bench.result(f"load {name}", lambda workbench, job: workbench.load(path, job), command)
        if images:
            bench.say(f"{', '.join(image.reference for image in images)} is here")


async def _import(bench: Bench, offer: Offer[State]) -> None:
    fields = [
        Field("file", "root filesystem: a tar archive or a directory"),
        Field("image", "name of the image", hint="name[:tag]"),
        Field("change", "an instruction of its configuration", hint='CMD ["sh"], ENV A=1, USER …'),
        Field("message", "a comment for its history"),
    ]

    def wrong(values: Values) -> str:
        return "" if values["file"] and values["image"] else "the root filesystem and the name are needed"

    def line(values: Values) -> str:
        flags = [f"--{name}={values[name]}" for name in ("change", "message") if values[name]]
        return bench.desk.command("import", *flags, values["file"] or "FILE", values["image"] or "IMAGE")

    given = await bench.put(Form("An image of one layer", fields, done="import", line=line, wrong=wrong))
    if given is not None:
        path = Path(given["file"]).expanduser()
        made = await bench.result(
            f"import {path.name}",
            lambda workbench, job: workbench.import_root(
                path,
                given["image"],
                job,
                changes=(given["change"],) if given["change"] else (),
                message=given["message"],
            ),
            line(given),
        )
        if made is not None:
            bench.say(f"{made.reference} is here")


async def _usage(bench: Bench, offer: Offer[State]) -> None:
    usage = await bench.desk.ask(lambda workbench: workbench.usage())
    bench.show_command(offer.command)
    rows = [
        (", ".join(i.names), f"{human_size(i.unique)} its own, {human_size(i.shared)} shared") for i in usage.images
    ]
    rows += [
        ("blobs, as fetched", human_size(usage.blobs)),
        ("layers, expanded", human_size(usage.layers)),
        ("unfinished transfers", human_size(usage.partial)),
        ("freed by system prune", human_size(usage.reclaimable)),
    ]
    await bench.put(Page("What takes how much room", rows))


async def _check(bench: Bench, offer: Offer[State]) -> None:
    await _examine(bench, offer, repair=False)


async def _repair(bench: Bench, offer: Offer[State]) -> None:
    await _examine(bench, offer, repair=True)


async def _examine(bench: Bench, offer: Offer[State], *, repair: bool) -> None:
    found = await bench.result(
        "mend the store" if repair else "check the store",
        lambda workbench, job: workbench.check_store(job, repair=repair),
        offer.command,
    )
    if found is not None:
        rows = [("taken away: " * problem.mended + visible(problem.message), problem.hint) for problem in found]
        await bench.put(Page("The store", rows or [("", "Everything is as it should be.")]))


async def _prune(bench: Bench, offer: Offer[State]) -> None:
    swept = await bench.result("prune", lambda workbench, job: workbench.prune(job), offer.command)
    if swept is not None:
        parts = [counted(len(swept.blobs), "blob"), counted(len(swept.layers), "layer")]
        parts += [f"{human_size(swept.partial)} of unfinished transfers"] * bool(swept.partial)
        bench.say(f"{human_size(swept.size)} freed: {', '.join(parts)}")


async def _events(bench: Bench, offer: Offer[State]) -> None:
    from tui.sheets.happenings import HappeningsSheet

    bench.show_command(offer.command)
    await bench.put(HappeningsSheet(bench))


def _needs_root(state: State) -> str:
    """Said before somebody types a name or waits."""
    lacking = any(problem.code == "not-permitted" for problem in state.problems or ())
    return "it needs root: run Cutaway with sudo" if lacking else ""


HOST_DEEDS: Sequence[Deed[State]] = (
    Deed("host.tour", "t", "take the tour", _tour, command=lambda s: ("tour",), why_not=_needs_root),
    Deed(
        "host.pull",
        "p",
        "pull an image",
        _pull,
        command=lambda s: ("pull", "NAME"),
        why_not=_needs_root,
        shown=True,
        short="pull",
    ),
    Deed(
        "host.demo",
        "d",
        "open the built-in image",
        _demo,
        command=lambda s: ("demo",),
        why_not=_needs_root,
        shown=True,
        short="demo",
    ),
    Deed("host.adopt", "a", "adopt a container of another engine", adopt, command=lambda s: ("adopt",)),
    Deed("host.adopt-file", "", "adopt a config.json", adopt_file, command=lambda s: ("adopt", "FILE")),
    Deed(
        "host.rootfs",
        "",
        "a container of a directory",
        of_directory,
        command=lambda s: ("create", "--rootfs", "DIRECTORY"),
        why_not=_needs_root,
    ),
    Deed(
        "host.look",
        "",
        "look at an image without pulling it",
        look_elsewhere,
        command=lambda s: ("inspect", "docker://NAME"),
        changes=False,
    ),
    Deed(
        "host.podmans",
        "",
        "podman's images, used where they are",
        podmans_images,
        command=lambda s: ("images", "containers-storage:"),
        changes=False,
    ),
    Deed("host.login", "", "log in to a registry", _login, command=lambda s: ("login", "REGISTRY")),
    Deed("host.logout", "", "log out of a registry", _logout, command=lambda s: ("logout", "REGISTRY")),
    Deed("host.tags", "", "tags of a repository", _tags, command=lambda s: ("tags", "REPOSITORY"), changes=False),
    Deed(
        "host.load",
        "",
        "load images from an archive",
        _load,
        command=lambda s: ("load", "-i", "FILE"),
        why_not=_needs_root,
    ),
    Deed(
        "host.import",
        "",
        "make an image of an archive or a directory",
        _import,
        command=lambda s: ("import", "FILE", "IMAGE"),
        why_not=_needs_root,
    ),
    Deed("host.events", "E", "what was done to containers", _events, command=lambda s: ("events",), changes=False),
    Deed("host.volumes", "V", "the volumes", show_volumes, command=lambda s: ("volume", "ls"), changes=False),
    Deed("host.stats", "u", "what all containers use", show_stats, command=lambda s: ("stats",), changes=False),
    Deed("host.usage", "", "what takes how much room", _usage, command=lambda s: ("system", "df"), changes=False),
    Deed("host.check", "", "check the store", _check, command=lambda s: ("system", "check"), changes=False),
    Deed(
        "host.repair",
        "",
        "check the store, and mend it",
        _repair,
        command=lambda s: ("system", "check", "--repair"),
        question=lambda s: "Take away what is damaged in the store, and what a crash left behind?",
        why_not=_needs_root,
    ),
    Deed(
        "host.prune",
        "",
        "remove what nothing needs",
        _prune,
        command=lambda s: ("system", "prune"),
        question=lambda s: "Remove the blobs and layers that no image and no container needs?",
    ),
)
