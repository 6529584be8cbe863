"""The story of a container in seven steps, each done for real: what the command line's and the screen's tour tell."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from engine.errors import ContainerUnknown, ImageInUse, ImageUnknown
from engine.jobs import CancelToken, Job
from engine.spec import RunOptions
from engine.text import human_size, visible
from engine.trace import Step
from engine.views import ContainerSummary, Draft, ImageSummary
from engine.workbench import Workbench

NAMES = ("tour-files", "tour")
"""The containers of a tour: the working one, and the one that runs."""

_RESULT = "localhost/cutaway/tour"
"""The name of the image that the last step makes, without its tag."""

_NOTE = "note-of-the-tour"
_VARIABLE = "TOUR=yes"
_MOST_SHOWN = 8
_LISTEN = 0.5  # seconds
_LOOK = {
    "_pull": "cutaway inspect {image}",
    "_layers": "cutaway layers {image}",
    "_run": "cutaway logs {name}",
    "_inside": "ls -l /proc/{pid}/ns",
}
"""By the method of a step: what to type to look at what it shows, where it had nothing to do."""
_NAMESPACES = {
    "cgroup": "which control groups it sees",
    "ipc": "shared memory and queues",
    "mnt": "its own table of mounts",
    "net": "network devices and addresses",
    "pid": "process numbers that begin at 1",
    "user": "user numbers of its own",
    "uts": "its host name",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What a step of the tour shows once it has been done.

    `text` is two or three sentences, `commands` what a person would type for it, `seen` lines on what is there now,
    `paths` where on disk it is to be looked at.
    """

    title: str
    text: str
    commands: tuple[str, ...]
    seen: tuple[str, ...]
    paths: tuple[Path, ...]


class Tour:
    """Seven steps on one image: the built-in one, or one that is named. A step is done when it is first gone to, with
    those before it; its page stays. `end` takes away what the tour made."""

    TITLES = (
        "An image is a manifest that names layers and a configuration",
        "Each layer is a directory of what it adds, changes and deletes",
        "overlayfs merges the layers below a directory of the container's own",
        "config.json tells runc what to start",
        "runc starts the process, conmon holds it",
        "From outside, a container is a process with other views",
        "What was written becomes a layer of a new image",
    )

    def __init__(self, workbench: Workbench, image: str | None = None) -> None:
        self._workbench = workbench
        self._wanted = image
        self._image = ""
        self._files: ContainerSummary | None = None
        self._draft: Draft | None = None
        self._made: ContainerSummary | None = None
        self._pages: list[Page] = []
        self._result = ""
        """The reference of the image of the last step, once that has been gone to."""
        self._brought = ""
        """The reference of the image of step 1, if it was not here before."""
        self._pushed: Path | None = None

    def page(self, number: int, job: Job) -> Page:
        """The page of a step, counted from 0. Raises whatever keeps the step from being done, as the façade's methods
        do; it can be gone to again then."""
        steps = (self._pull, self._layers, self._mount, self._config, self._run, self._inside, self._commit)
        while len(self._pages) <= number:
            done = len(job.steps)
            act = steps[len(self._pages)]
            text, seen, paths = act(job)
            commands = tuple(_typed(job.steps[done:])) or (self._look(act.__name__),)
            title = self.TITLES[len(self._pages)]
            self._pages.append(Page(title, text, commands, tuple(visible(line) for line in seen), tuple(paths)))
        return self._pages[number]

    def end(self, job: Job, *, keep: bool = False) -> list[str]:
        """Take away what the tour made, and say what stays, in words. With `keep` all of it stays."""
        made = [container for container in (self._files, self._made) if container is not None]
        pushed, self._pushed = self._pushed, None
        if keep:
            stays = [f"{container.name} stays: cutaway rm {container.name}" for container in made]
            images = [self._brought] if self._brought else []
            images += [self._result] if self._result else []
            stays += [f"The image {name} stays: cutaway rmi {name}" for name in images]
            return stays + ([f"{pushed} stays: rm -r {pushed}"] if pushed else [])
        if pushed:
            shutil.rmtree(pushed, ignore_errors=True)
        for container in made:
            with suppress(ContainerUnknown):
                self._workbench.remove(container.id, job, force=True)
        self._files = self._made = None
        if self._result:
            with suppress(ImageUnknown):
                self._workbench.untag(self._result, job, force=True)
        brought, self._brought = self._brought, ""
        with suppress(ImageUnknown):
            try:
                if brought:
                    self._workbench.untag(brought, job)
            except ImageInUse as error:  # somebody has taken a liking to it
                return [f"The image {brought} stays: {error.message}"]
        return []

    # -- the steps -------------------------------------------------------------------------------------

    def _pull(self, job: Job) -> tuple[str, list[str], list[Path]]:
        workbench = self._workbench
        before = {image.reference for image in workbench.images()}
        if self._wanted is None:
            image = workbench.demo(job)
            whence = "This one comes from no registry: it is made of this host's own shell and tools."
        else:
            image = self._here() or workbench.pull(self._wanted, job)
            whence = "A registry hands out the manifest by name, and then each blob by its digest."
        self._image = image.reference
        self._brought = image.reference if image.reference not in before else ""
        text = (
            f"{whence} What is fetched is kept by the hash of its content, so it is known to be whole, and is never"
            " fetched twice."
        )
        seen = [
            f"{image.reference}",
            f"manifest       {image.digest}",
            f"configuration  sha256:{image.id}",
            *(
                f"layer {number}        {layer.digest}  {human_size(layer.blob_size)}"
                for number, layer in enumerate(workbench.layers(self._image), 1)
            ),
        ]
        return text, _short(seen), [workbench.root.images]

    def _layers(self, job: Job) -> tuple[str, list[str], list[Path]]:
        layers = self._workbench.layers(self._image)
        seen = []
        for number, layer in enumerate(layers, 1):
            seen.append(f"{number}  {layer.files} entries, {human_size(layer.size)}  {layer.created_by[:60]}")
            seen += [f"     {line}" for line in _deleted(Path(layer.path))]
        text = (
            "The archive of each layer is unpacked once, for all images that have it. To delete a file of a lower layer"
            " a layer has a whiteout in its place, which overlayfs knows as a character device 0:0; a directory that"
            " hides all that is below it has the attribute trusted.overlay.opaque."
        )
        return text, _short(seen), [Path(layer.path) for layer in layers[-3:]]

    def _mount(self, job: Job) -> tuple[str, list[str], list[Path]]:
        if self._files is None:
            self._files = self._workbench.mount(self._image, job, name=self._free(NAMES[0]))
        merged, upper = self._files.merged, self._files.path / "upper"
        (merged / _NOTE).write_text("The tour was here.\n")
        text = (
            "The layers are only read, and many containers share them. What is written in the merged directory goes to"
            " the upper directory, which is this container's alone; the tour has just written a file there."
        )
        seen = [
            f"merged has     {_listed(merged)}",
            f"upper has      {_listed(upper)}",
        ]
        return text, seen, [merged, upper]

    def _config(self, job: Job) -> tuple[str, list[str], list[Path]]:
        if self._made is None:
            args = ("sh", "-c", "/usr/local/bin/hello; exec sleep 3600") if self._wanted is None else ()
            options = RunOptions(args=args, name=self._free(NAMES[1]), env=(_VARIABLE,))
            self._draft = self._workbench.draft(self._image, options, job)
            self._made = self._workbench.create(self._draft, job)
        assert self._draft is not None
        rows = self._workbench.explain(self._draft)
        counted = Counter(row.source.value for row in rows)
        seen = [f"{len(rows)} values:"]
        for source, number in counted.most_common():
            example = next(row for row in reversed(rows) if row.source.value == source)
            seen.append(f"{number:5} from {source:8} such as {example.pointer} ({example.detail})")
        text = (
            "Three sources make it: the image says what to run and as whom, the engine's defaults with which rights,"
            " mounts and namespaces, and the user has the last word. podman and docker write the same file and hide it;"
            " here it can be read and changed before it is used."
        )
        return text, seen, [self._made.path / "config.json"]

    def _run(self, job: Job) -> tuple[str, list[str], list[Path]]:
        made = self._container
        if made.status.value == "created":
            made = self._workbench.start(made.id, job)
        first = self._first_output(made, job.token)
        text = (
            "runc reads config.json, makes the namespaces and the control group, enters the merged directory, gives up"
            " the rights it is told to, and becomes the command. conmon is its parent: it keeps output and exit code,"
            " so this program may end, and the container goes on."
        )
        return text, _short([f"| {line}" for line in first]), [made.path / "output.log"]

    def _inside(self, job: Job) -> tuple[str, list[str], list[Path]]:
        made = self._container
        if not made.pid:
            code = "" if made.exit_code is None else f" with exit code {made.exit_code}"
            return f"{made.name} has ended already{code}, so there is no process to look at.", [], [made.path]
        process = Path(f"/proc/{made.pid}")
        seen = [f"process {made.pid} on this host is process {_number_inside(process)} in there, as {_user(process)}"]
        for name, meaning in _NAMESPACES.items():
            with suppress(OSError):
                theirs, ours = (os.readlink(path / "ns" / name) for path in (process, Path("/proc/self")))
                seen.append(f"{'own' if theirs != ours else 'shared':6} {name:7} {theirs:22} {meaning}")
        with suppress(OSError):
            group = (process / "cgroup").read_text().splitlines()[-1].rpartition(":")[2]
            seen.append(f"control group {group}")
        text = (
            "There is no such thing as a container in the kernel. There is a process that sees other process numbers,"
            " mounts, names and networks than the others do (namespaces), that may use so much and no more (its control"
            " group), and that has fewer rights than root (capabilities, seccomp)."
        )
        return text, seen, [process / "ns", process / "cgroup"]

    def _commit(self, job: Job) -> tuple[str, list[str], list[Path]]:
        assert self._files is not None
        name = self._result or self._free_image()
        made = self._workbench.commit(self._files.id, name, job)
        self._result = name
        top = self._workbench.layers(self._result)[-1]
        blob = self._workbench.root.images / "blobs" / top.digest.replace(":", "/")
        self._pushed = self._pushed or Path(tempfile.mkdtemp(prefix="cutaway-tour-"))
        digest = self._workbench.push(self._result, job, to=f"oci:{self._pushed}:latest")
        text = (
            "commit packs the upper directory into a tar archive, which is the new image's last layer; the others are"
            " the old image's own. push sends the blobs that are not there yet, and then the manifest: here to a"
            " directory of the form that skopeo, podman and umoci read, in the same way to a registry."
        )
        seen = [
            f"{made.reference}  manifest {made.digest}",
            f"{made.layers} layers; the last, {human_size(top.blob_size)} compressed, has what upper has:",
            f"     {_listed(self._files.path / 'upper')}",
            f"pushed: {digest}",
            f"to a registry:  cutaway push {self._result} REGISTRY/NAME",
        ]
        return text, seen, [blob, self._pushed]

    @property
    def _container(self) -> ContainerSummary:
        """The container of steps 4 to 6, as it is now."""
        assert self._made is not None
        self._made = self._workbench.container(self._made.id)
        return self._made

    def _here(self) -> ImageSummary | None:
        """The image that is wanted, if it is here."""
        assert self._wanted is not None
        try:
            reference = self._workbench.inspect(self._wanted).get("reference")
        except ImageUnknown:
            return None
        return next((image for image in self._workbench.images() if image.reference == reference), None)

    def _look(self, step: str) -> str:
        """What to type to look at what is there already."""
        made = self._made
        return _LOOK[step].format(image=self._image, name=made and made.name, pid=made and made.pid)

    def _free(self, name: str) -> str | None:
        """The name, or None, for one that is made up, where a container has it already."""
        taken = {container.name for container in self._workbench.containers()}
        return None if name in taken else name

    def _free_image(self) -> str:
        """A reference that no image has: that of a tour whose image was kept is not taken away from it."""
        taken = {image.reference for image in self._workbench.images()}
        tags = chain(["latest"], map(str, count(2)))
        return next(name for tag in tags if (name := f"{_RESULT}:{tag}") not in taken)

    def _first_output(self, made: ContainerSummary, token: CancelToken) -> list[str]:
        """What it prints in the first moments."""
        lines: list[str] = []
        deadline = time.monotonic() + _LISTEN
        for batch in self._workbench.logs(made.id, token, follow=True):
            lines += [line.text for line in batch]
            if time.monotonic() > deadline or len(lines) > _MOST_SHOWN:
                break
        return lines


def _typed(steps: Sequence[Step]) -> Iterator[str]:
    """The shell lines of steps that did not fail. The journal has a variable's name alone, since its value may be a
    secret; the tour's own is none, and without it the line would do something else."""
    name = _VARIABLE.partition("=")[0]
    for step in steps:
        if step.command and not step.failure:
            yield step.command.replace(f" -e {name} ", f" -e {_VARIABLE} ")


def _short(lines: list[str]) -> list[str]:
    """At most so many lines as fit on a page, with a word on the others."""
    if len(lines) <= _MOST_SHOWN:
        return lines
    return [*lines[:_MOST_SHOWN], f"… and {len(lines) - _MOST_SHOWN} more"]


def _deleted(layer: Path) -> list[str]:
    """What a layer deletes or hides, in words; the first few."""
    found = []
    for directory, _, names in os.walk(layer):
        inside = "/" + os.path.relpath(directory, layer)
        for name in names:
            status = os.lstat(os.path.join(directory, name))
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                found.append(f"deletes {os.path.normpath(os.path.join(inside, name))}")
        with suppress(OSError):
            if os.getxattr(directory, "trusted.overlay.opaque", follow_symlinks=False) == b"y":
                found.append(f"hides what is below {inside}")
        if len(found) >= _MOST_SHOWN:
            break
    return found


def _listed(directory: Path) -> str:
    """The names in a directory, on one line."""
    return "  ".join(_short(sorted(os.listdir(directory))))


def _number_inside(process: Path) -> str:
    """A process's number in its innermost namespace (proc(5), NSpid)."""
    return _status(process, "NSpid").split()[-1]


def _user(process: Path) -> str:
    uid = _status(process, "Uid").split()[0]
    return "root" if uid == "0" else f"user {uid}"


def _status(process: Path, field: str) -> str:
    for line in (process / "status").read_bytes().decode(errors="replace").split("\n"):
        if line.startswith(f"{field}:"):
            return line.partition(":")[2]
    return "?"
