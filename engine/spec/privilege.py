"""--privileged put on a config.json that is there, or taken off it, as the smallest edit of the text."""

from __future__ import annotations

import msgspec

from engine.host import HostFacts
from engine.spec import process, resources
from engine.spec.builder import Builder
from engine.spec.defaults import PROFILES
from engine.spec.document import Document
from engine.spec.generate import protected_paths, system_call_filter
from engine.spec.options import RunOptions
from engine.spec.structured import KINDS, Change

_RULES = "/linux/resources/devices"


def is_privileged(text: str, facts: HostFacts) -> bool:
    """Whether it has what --privileged gives: every capability that there is to give, no filter, nothing hidden."""
    document = Document(text)
    given = document.get("/process/capabilities/bounding")
    names = {name for name in given if isinstance(name, str)} if isinstance(given, list) else set()
    hidden = any(document.get(f"/linux/{key}") for key in ("seccomp", "maskedPaths", "readonlyPaths"))
    return not hidden and process.own_capabilities(facts) <= names


def set_privileged(text: str, on: bool, facts: HostFacts, options: RunOptions | None = None) -> Change:
    """Give it what --privileged gives, or take that away again. `options` are those it was made with, where known:
    what they ask for stays. Raises UsageError, SpecError.
    """
    document = Document(text)
    options = msgspec.structs.replace(options or RunOptions(), privileged=on)
    profile = PROFILES[options.profile]
    spec = Builder()
    as_root = not document.get("/process/user/uid")
    bounding = process.capabilities(spec, options, profile, facts, as_root=as_root)
    system_call_filter(spec, options, facts, bounding)
    protected_paths(spec, options, profile)
    resources.devices(spec, options, profile)
    made = Document(spec.build()[0])
    for pointer in (f"/process/capabilities/{kind}" for kind in KINDS):
        if made.has(pointer):
            document = document.with_elements(pointer, made.get(pointer))
        elif document.has(pointer) and not on:
            document = document.remove(pointer)
    for pointer in ("/linux/maskedPaths", "/linux/readonlyPaths", "/linux/seccomp"):
        if made.has(pointer):
            document = document.set(pointer, made.get(pointer))
        elif document.has(pointer):
            document = document.remove(pointer)
    document = _allowing(document, made, on)
    document = _with_devices(document, made, facts, on)
    return Change(_with_system(document, "rw" if on else "ro").text)


def _allowing(document: Document, made: Document, on: bool) -> Document:
    """The rule that is about every device, the first one, turned round; the others stay."""
    rules = document.get(_RULES)
    if not isinstance(rules, list) or not rules:
        return document.set(_RULES, made.get(_RULES))
    about_all = [n for n, rule in enumerate(rules) if isinstance(rule, dict) and rule.get("type", "a") == "a"]
    if not about_all:
        return document.insert(f"{_RULES}/0", made.get(f"{_RULES}/0"))
    return document.set(f"{_RULES}/{about_all[0]}/allow", on)


def _with_devices(document: Document, made: Document, facts: HostFacts, on: bool) -> Document:
    """Every device of the host, or only those that were asked for."""
    now, wanted = document.get("/linux/devices"), made.get("/linux/devices") or []
    have = [device for device in now if isinstance(device, dict)] if isinstance(now, list) else []
    if on:
        paths = {device.get("path") for device in have}
        devices = have + [device for device in wanted if device["path"] not in paths]
    else:
        hosts = Builder()
        resources.devices(hosts, RunOptions(privileged=True), PROFILES["podman"])
        gone = Document(hosts.build()[0]).get("/linux/devices") or []
        devices = [device for device in have if device not in gone or device in wanted]
    if devices:
        return document.set("/linux/devices", devices)
    return document.remove("/linux/devices") if document.has("/linux/devices") else document


def _with_system(document: Document, right: str) -> Document:
    """/sys and the control groups, writable or not."""
    found = document.get("/mounts")
    for number, mount in enumerate(found if isinstance(found, list) else ()):
        options = mount.get("options") if isinstance(mount, dict) else None
        if not isinstance(options, list) or mount.get("type") not in ("sysfs", "cgroup", "cgroup2"):
            continue
        for place, word in enumerate(options):
            if word in ("ro", "rw"):
                document = document.set(f"/mounts/{number}/options/{place}", right)
    return document
