"""Ties what runc said when it failed to the field of the config.json that caused it."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable, Iterator
from typing import Any

from engine.spec.check import check
from engine.spec.diagnostics import Diagnostic, Severity
from engine.spec.document import Document
from engine.spec.provenance import escape, leaves
from engine.spec.seeing import clean
from engine.text import visible

_NOISE = re.compile(
    r"^(?:.*\blevel=\w+ msg=)?\"?|runc (?:run|create|start) failed: |unable to start container process: "
    r"|error during container init: |\"$"
)

_HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def blame(said: str, text: str) -> Diagnostic | None:
    """The field that made runc fail, with its last message as the finding's; None where that cannot be told."""
    lines = [line for line in said.strip().splitlines() if line.strip() and "(will retry)" not in line]
    document = Document(text)
    # That runc's child is gone says the least: a line before may say why.
    lines.reverse()
    lines.sort(key=lambda line: "final child's PID" in line)
    for line in lines:
        message = _plain(line)
        pointer = _pointer(message, document)
        if pointer is not None:
            return _diagnostic(document, pointer, message)
    return None


def _plain(line: str) -> str:
    """runc's message without its logger's clothes."""
    return _NOISE.sub("", line.strip()).replace('\\"', '"').replace("\\\\", "\\")


def _pointer(message: str, document: Document) -> str | None:
    if message.startswith(("json: cannot unmarshal", "invalid character", "unexpected EOF", "EOF", "panic:")):
        found = _first_error(document, "type", "syntax")
        return found if found is not None else _decoded(message, document)
    if document.problem is not None and not document.problem.trailing:
        return None
    for pattern, place in _PLACES:
        if match := re.search(pattern, message):
            found = place if isinstance(place, str) else place(match, document)
            if found is not None:
                return found
    return None


def _diagnostic(document: Document, pointer: str, message: str) -> Diagnostic:
    nearest = pointer
    while nearest and not document.has(nearest):
        nearest = nearest.rpartition("/")[0]
    span = document.span(nearest)
    if document.problem is not None:
        line, column = document.problem.position
    else:
        line, column = span.start if span else (0, 0)
    return Diagnostic(pointer, line + 1, column + 1, Severity.ERROR, "runc", visible(message)[:500])


def _first_error(document: Document, *codes: str) -> str | None:
    """What the check finds, where runc does not say the place."""
    return next((d.pointer for d in check(document.data) if d.severity is Severity.ERROR and d.code in codes), None)


def _decoded(message: str, document: Document) -> str | None:
    """The field that Go's decoder names: "into Go struct field Spec.process.args of type []string"."""
    match = re.search(r"Go struct field \w+\.(\S+) of type", message)
    if match is None or document.problem is not None:
        return None
    wanted = match[1].split(".")

    def walk(value: Any, pointer: str, names: list[str]) -> Iterator[str]:
        if names[-len(wanted) :] == wanted:
            yield pointer
        if isinstance(value, dict):
            for key, child in value.items():
                yield from walk(child, f"{pointer}/{escape(key)}", [*names, key])
        elif isinstance(value, list):
            for number, child in enumerate(value):
                yield from walk(child, f"{pointer}/{number}", names)

    return next(walk(document.get(""), "", []), None)


def _checked(*codes: str) -> Callable[[re.Match[str], Document], str | None]:
    return lambda match, document: _first_error(document, *codes)


def _elements(document: Document, pointer: str) -> Iterator[tuple[str, Any]]:
    found = document.get(pointer)
    if isinstance(found, list):
        yield from ((f"{pointer}/{n}", element) for n, element in enumerate(found))


def _element(pointer: str, key: str = "", group: int = 1) -> Callable[[re.Match[str], Document], str]:
    """The last element of an array that is, or has under `key`, what the message quotes; else the array."""

    def find(match: re.Match[str], document: Document) -> str:
        wanted = match[group]
        place = pointer
        for here, element in _elements(document, pointer):
            value = element.get(key) if key and isinstance(element, dict) else element
            if value == wanted:
                place = here
        return place

    return find


def _numbered(pointer: str, below: str = "") -> Callable[[re.Match[str], Document], str]:
    return lambda match, document: f"{pointer}/{match[1]}{below}"


def _parameter(match: re.Match[str], document: Document) -> str:
    wanted = match[1].replace("/", ".")
    for key in document.get("/linux/sysctl") or {}:
        if key.replace("/", ".") == wanted:
            return f"/linux/sysctl/{escape(key)}"
    return "/linux/sysctl"


def _limit(match: re.Match[str], document: Document) -> str:
    names = {getattr(resource, name): name for name in dir(resource) if name.startswith("RLIMIT_")}
    name = names.get(int(match[1]))
    return next((p for p, e in _elements(document, "/process/rlimits") if e.get("type") == name), "/process/rlimits")


def _seccomp_word(match: re.Match[str], document: Document) -> str:
    for pointer, value in leaves(document.get("/linux/seccomp"), "/linux/seccomp"):
        if value == match[1] and match[1]:
            return pointer
    return "/linux/seccomp"


def _seccomp_call(match: re.Match[str], document: Document) -> str:
    for pointer, rule in _elements(document, "/linux/seccomp/syscalls"):
        if isinstance(rule, dict) and match[1] in (rule.get("names") or ()):
            return pointer
    return "/linux/seccomp"


def _hook(match: re.Match[str], document: Document) -> str:
    for kind in _HOOKS:
        for pointer, hook in _elements(document, f"/hooks/{kind}"):
            if isinstance(hook, dict) and hook.get("path") == match[1]:
                return f"{pointer}/path"
    return "/hooks"


def _hooks(match: re.Match[str], document: Document) -> str:
    """A hook by its number: of the kinds that are there, the check's finding, else the first with such a number."""
    found = _first_error(document, "hook", "range")
    if found is not None and found.startswith("/hooks/"):
        return found
    places = [f"/hooks/{kind}/{match[1]}" for kind in _HOOKS]
    return next((place for place in places if document.has(place)), "/hooks")


def _early(match: re.Match[str], document: Document) -> str:
    """runc's first child died without a word: joining a namespace, mapping users or oom_score_adj."""
    score = document.get("/process/oomScoreAdj")
    if isinstance(score, int) and not -1000 <= score <= 1000:
        return "/process/oomScoreAdj"
    for pointer, entry in _elements(document, "/linux/namespaces"):
        if isinstance(entry, dict) and entry.get("path"):
            return f"{pointer}/path"
    return "/linux/uidMappings" if document.has("/linux/uidMappings") else "/linux/namespaces"


def _working_directory(match: re.Match[str], document: Document) -> str | None:
    cwd = document.get("/process/cwd")
    return "/process/cwd" if isinstance(cwd, str) and f"{match[1]}/".startswith(f"{clean(cwd)}/") else None


_CGROUP_FILES = {
    "memory.limit_in_bytes": "memory/limit",
    "memory.max": "memory/limit",
    "memory.memsw.limit_in_bytes": "memory/swap",
    "memory.swap.max": "memory/swap",
    "memory.soft_limit_in_bytes": "memory/reservation",
    "memory.low": "memory/reservation",
    "memory.swappiness": "memory/swappiness",
    "memory.oom_control": "memory/disableOOMKiller",
    "cpu.shares": "cpu/shares",
    "cpu.weight": "cpu/shares",
    "cpu.cfs_quota_us": "cpu/quota",
    "cpu.max": "cpu/quota",
    "cpu.cfs_period_us": "cpu/period",
    "cpu.rt_runtime_us": "cpu/realtimeRuntime",
    "cpu.rt_period_us": "cpu/realtimePeriod",
    "cpuset.cpus": "cpu/cpus",
    "cpuset.mems": "cpu/mems",
    "pids.max": "pids/limit",
    "blkio.weight": "blockIO/weight",
    "io.weight": "blockIO/weight",
    "io.bfq.weight": "blockIO/weight",
    "blkio.leaf_weight": "blockIO/leafWeight",
    "blkio.leaf_weight_device": "blockIO/weightDevice",
    "blkio.weight_device": "blockIO/weightDevice",
    "blkio.bfq.weight_device": "blockIO/weightDevice",
    "blkio.throttle.read_bps_device": "blockIO/throttleReadBpsDevice",
    "blkio.throttle.write_bps_device": "blockIO/throttleWriteBpsDevice",
    "blkio.throttle.read_iops_device": "blockIO/throttleReadIOPSDevice",
    "blkio.throttle.write_iops_device": "blockIO/throttleWriteIOPSDevice",
    "io.max": "blockIO",
    "devices.allow": "devices",
    "devices.deny": "devices",
}


def _cgroup_file(match: re.Match[str], document: Document) -> str:
    return f"/linux/resources/{_CGROUP_FILES.get(match[1], '')}".rstrip("/")


_PLACES: tuple[tuple[str, str | Callable[[re.Match[str], Document], str | None]], ...] = (
    (r"oom_score_adj", "/process/oomScoreAdj"),
    (r"root must be specified|invalid rootfs|unable to start init: fork/exec", "/root/path"),
    (r"process property must not be empty", "/process"),
    (r"^Cwd ", _checked("cwd")),
    (r"^mkdir (/[^:]*): operation not permitted", _working_directory),
    (
        r"operation not permitted|already running container|function not implemented|^no such process",
        _checked("stops-start"),
    ),
    (r"too many open files|cannot allocate memory", _checked("no-room")),
    (r"^mkdir /.*: (?:not a directory|invalid argument|no such file or|read-only|file name too)", "/process/cwd"),
    (r"chdir to cwd", "/process/cwd"),
    (r"freezer.state: invalid argument|fork/exec [^:]+: invalid argument", _checked("nul")),
    (r"argument list too long", _checked("too-long")),
    (r"executable file not found", _checked("root-missing")),
    (r"^exec \S+: operation not permitted", _checked("stops-start")),
    (r"^exec \S+: invalid argument", _checked("nul")),
    (r"args must not be empty|exec: \"|^exec /|executable file not found", "/process/args/0"),
    (r"running hook #\d+: fork/exec ([^:]+):", _hook),
    (r"running hook #(\d+)", _hooks),
    (r"environment variable[^:]*: \"(.*)\"", _element("/process/env")),
    (r"sethostname|set hostname", "/hostname"),
    (
        r"setup user: stat /dev/null: no such|closing exec fds: .* (?:no such file|not on procfs)",
        _checked("path", "proc", "no-proc"),
    ),
    (r"uids and gids must be in range|setup user", "/process/user"),
    (r"apply caps|capabilit", "/process/capabilities"),
    (r"wrong rlimit value: (\S*)", _element("/process/rlimits", "type")),
    (r"setting rlimit type (\d+)", _limit),
    (r"apparmor", "/process/apparmorProfile"),
    (r"selinux label", "/process/selinuxLabel"),
    (r",context=", "/linux/mountLabel"),
    (r"error mounting \".*?\" to rootfs at \"(.*?)\"", _element("/mounts", "destination")),
    (r"invalid mount", _checked("nul")),
    (r"/sys/fs/cgroup/cpuset.cpus: no such file", "/linux/cgroupsPath"),
    (r"/proc/self/fd: no such file|setting up ptmx", _checked("no-proc", "destination")),
    (r"(?:namespace|duplicated ns) \{\"(.*?)\"", _element("/linux/namespaces", "type")),
    (r"namespace path: (?:lstat|stat) ([^:]+):", _element("/linux/namespaces", "path")),
    (r"invalid netns path: stat ([^:]+):", _element("/linux/namespaces", "path")),
    (r"without a private MNT namespace", _checked("mount-namespace")),
    (r"no gid mappings|no group mapping", "/linux/gidMappings"),
    (r"[Uu]ser namespace|no (?:uid|gid|user) mapping", "/linux/uidMappings"),
    (r"sysctl \"(.*?)\"", _parameter),
    (r"/proc/sys/([^:]+):", _parameter),
    (r"make \"(.*?)\" read-only", _element("/linux/readonlyPaths")),
    (r"mask path ([^:]+):", _element("/linux/maskedPaths")),
    (r"rootfsPropagation=", "/linux/rootfsPropagation"),
    (r"preparing rootfs: mount .*permission denied", "/root/path"),
    (r"preparing rootfs: mount", _checked("propagation")),
    (r"device access at (\d+) field", _numbered("/linux/resources/devices", "/access")),
    (r"invalid cgroup device type \"(.*?)\"", _element("/linux/resources/devices", "type")),
    (r"invalid device type \"(.*?)\"", _element("/linux/devices", "type")),
    (r"device nodes: mkdir .*: read-only file system", _checked("destination")),  # a mount lies over the root
    (r"mkdev|device node", "/linux/devices"),
    (r"reopening /dev/null", _checked("mount-option")),
    (r"reopening (/dev/\w+)", _element("/linux/devices", "path")),
    (r"cannot punch hole", _checked("device-order")),
    (r"apply cgroup configuration: mkdir", "/linux/cgroupsPath"),
    (r"memory limit", "/linux/resources/memory/limit"),
    (r"swappiness", "/linux/resources/memory/swappiness"),
    (r"swap", "/linux/resources/memory/swap"),
    (r"cpu-shares", "/linux/resources/cpu/shares"),
    (r"hugetlb", "/linux/resources/hugepageLimits"),
    (r"net_cls", "/linux/resources/network/classID"),
    (r"net_prio", "/linux/resources/network/priorities"),
    (r"rdma", "/linux/resources/rdma"),
    (r"unified", "/linux/resources/unified"),
    (r"(?:write|openat2) /sys/fs/cgroup/\S*/([\w.]+):", _cgroup_file),
    (r"intelRdt\.(\w)(\w*)", lambda match, document: f"/linux/intelRdt/{match[1].lower()}{match[2]}"),
    (r"string (\S*) is not a valid (?:action|arch|operator)", _seccomp_word),
    (r"seccomp flags", "/linux/seccomp/flags"),
    (r"SCMP_ACT_NOTIFY|listenerPath", _checked("notify")),
    (r"for syscall (\w+)", _seccomp_call),
    (r"empty string is not a valid syscall", _checked("no-names")),
    (r"architecture to seccomp", "/linux/seccomp/architectures"),
    (r"seccomp|could not create filter|container process is already dead", _checked("range", "stops-start", "no-room")),
    (r"final child's PID", _early),
)
"""What runc 1.1 and the kernel say, and where that comes from; the first that fits counts."""
