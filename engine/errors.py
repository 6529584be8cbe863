"""The error tree: every failure that a person, a registry or a host can cause.

CutawayError
├── UsageError              what was asked for cannot be understood        exit 2
│   └── PathUnknown         an image or a container has no such file       exit 1
├── Cancelled               somebody asked to stop                         exit 130
├── HostError               this machine lacks something
│   ├── NotPermitted        root (or a capability) is needed
│   └── ToolMissing         runc, conmon, … is not installed
├── RegistryError           the conversation with a registry failed
│   ├── RegistryUnreachable no connection, TLS or time-out
│   ├── AccessDenied        401/403, or no usable credentials
│   └── NotInRegistry       404: no such repository, tag or blob
├── ContentError            what arrived is not what was promised, or is malformed
│   └── LayerError          a layer that must not be unpacked
├── StoreError              the data directory: no space, damaged, locked
│   ├── ImageUnknown
│   └── ImageInUse
├── MountError              overlayfs said no
├── SpecError               a config.json (or an option for it) is not usable
│   └── NotInImage          what an option names is not among the files
└── RuntimeFailed           runc or conmon failed                          exit 125
    ├── CommandNotExecutable                                               exit 126
    ├── CommandNotFound                                                    exit 127
    ├── ContainerUnknown                                                   exit 1
    ├── ContainerDamaged    it is here, and its record cannot be read      exit 125
    ├── ContainerBusy       another process is at work on it               exit 125
    └── ContainerState      not possible in the container's present state  exit 125

A message says what failed and what was seen; a hint says what to do. Both may quote hostile text
(an image's, a registry's), so whoever shows them passes them through `engine.text.visible`.
This module imports nothing of the project.
"""

from __future__ import annotations

from typing import ClassVar


class CutawayError(Exception):
    """A failure with a stable `code`, a one-line `message`, and a `hint` on what to do (may be empty).

    `exit_code` is what the command line ends with.
    """

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(CutawayError):
    """What was asked for cannot be understood: a malformed reference, option or combination."""

    code = "usage"
    exit_code = 2


class PathUnknown(UsageError):
    """An image or a container has no such file, or it is of another kind."""

    code = "path-unknown"
    exit_code = 1


class Cancelled(CutawayError):
    """Somebody asked to stop; nothing is left behind but what can be resumed."""

    code = "cancelled"
    exit_code = 130

    def __init__(self, message: str = "cancelled", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)


class HostError(CutawayError):
    """This machine lacks something that is needed."""

    code = "host"


class NotPermitted(HostError):
    """Root, or a capability that root has been stripped of, is needed."""

    code = "not-permitted"


class ToolMissing(HostError):
    """A program (runc, conmon, …) is not installed."""

    code = "tool-missing"


class RegistryError(CutawayError):
    """The conversation with a registry failed."""

    code = "registry"


class RegistryUnreachable(RegistryError):
    """No connection: name look-up, refusal, TLS, or a time-out."""

    code = "registry-unreachable"


class AccessDenied(RegistryError):
    """The registry wants credentials, or does not take the ones it got."""

    code = "access-denied"


class NotInRegistry(RegistryError):
    """The registry has no such repository, tag or blob."""

    code = "not-in-registry"


class ContentError(CutawayError):
    """Content is not what its descriptor promised, or is malformed. It has not been used."""

    code = "content"


class LayerError(ContentError):
    """A layer that must not be unpacked: it is damaged, or tries to leave its directory."""

    code = "layer"


class StoreError(CutawayError):
    """The data directory cannot be used: no space, damaged, not writable."""

    code = "store"


class ImageUnknown(StoreError):
    """No image by that name or id is here."""

    code = "image-unknown"


class ImageInUse(StoreError):
    """The image cannot go: a container stands on it."""

    code = "image-in-use"


class MountError(CutawayError):
    """The kernel refused to mount or unmount."""

    code = "mount"


class SpecError(CutawayError):
    """A config.json, or an option that shapes it, is not usable."""

    code = "spec"


class NotInImage(SpecError):
    """What an option names (a user, a group, a working directory) is not among the container's files."""

    code = "not-in-image"


class RuntimeFailed(CutawayError):
    """runc or conmon failed; the message carries what they said.

    `said` is their own words alone; `pointer` is the JSON pointer of the value of config.json that runc stumbled on.
    Both are "" where there is none.
    """

    code = "runtime"
    exit_code = 125
    said: str = ""
    pointer: str = ""


class CommandNotExecutable(RuntimeFailed):
    """The container's command exists but cannot be executed."""

    code = "command-not-executable"
    exit_code = 126


class CommandNotFound(RuntimeFailed):
    """The container's command does not exist in its root filesystem."""

    code = "command-not-found"
    exit_code = 127


class ContainerUnknown(RuntimeFailed):
    """No container by that name or id is here."""

    code = "container-unknown"
    exit_code = 1


class ContainerDamaged(RuntimeFailed):
    """The container with the id `container` is here, and what it is cannot be read."""

    code = "container-damaged"

    def __init__(self, container: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.container = container


class ContainerBusy(RuntimeFailed):
    """Another process is at work on the container."""

    code = "container-busy"


class ContainerState(RuntimeFailed):
    """Not possible in the container's present state (running, paused, …)."""

    code = "container-state"
