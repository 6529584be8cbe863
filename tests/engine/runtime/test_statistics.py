"""Numbers from the files of control groups: both versions by the same code."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.statistics import Reading, compared, reading

NETWORK = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     999       1    0    0    0     0          0         0      999       1    0    0    0     0       0          0
  eth0:    1000       5    0    0    0     0          0         0      200       3    0    0    0     0       0          0
  eth1:      10       1    0    0    0     0          0         0        2       1    0    0    0     0       0          0
"""  # noqa: E501

V1 = {
    "cpuacct/cpuacct.usage": "2500000000\n",
    "cpu/cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
    "memory/memory.usage_in_bytes": "5000000\n",
    "memory/memory.limit_in_bytes": "8000000\n",
    "memory/memory.stat": "cache 1\ninactive_file 7\ntotal_inactive_file 1000000\n",
    "pids/pids.current": "3\n",
    "pids/pids.max": "max\n",
    "blkio/blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Write 100\n8:16 Read 4\nTotal 4200\n",
}
V2 = {
    "cpu.stat": "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n",
    "memory.current": "5000000\n",
    "memory.max": "8000000\n",
    "memory.stat": "anon 5\ninactive_file 1000000\n",
    "pids.current": "3\n",
    "pids.max": "max\n",
    "io.stat": "8:0 rbytes=4096 wbytes=100 rios=1 wios=1 dbytes=9 dios=0\n8:16 rbytes=4 wbytes=0 rios=1 wios=0\n",
}


def groups(tmp_path: Path, files: dict[str, str]) -> dict[str, str]:
    for name, text in files.items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    found = {path.name: str(path) for path in tmp_path.iterdir() if path.is_dir()}
    return found or {"": str(tmp_path)}


@pytest.mark.parametrize("files", [V1, V2], ids=["v1", "v2"])
def test_both_versions_tell_the_same(tmp_path: Path, files: dict[str, str]) -> None:
    paths = groups(tmp_path / "cgroup", files)
    (tmp_path / "dev").write_text(NETWORK)
    found = reading(paths, tmp_path / "dev")
    assert (found.cpu_time, found.memory, found.memory_limit) == (2.5, 4_000_000, 8_000_000)
    assert (found.pids, found.pids_limit) == (3, None)
    assert (found.block_read, found.block_written) == (4100, 100)
    assert (found.received, found.sent) == (1010, 202)


def test_no_limit_is_what_the_host_has(tmp_path: Path) -> None:
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    for number, files in enumerate(({"memory/memory.limit_in_bytes": "9223372036854771712"}, {"memory.max": "max"})):
        paths = groups(tmp_path / str(number), files)
        assert reading(paths, tmp_path / "none").memory_limit == total


def test_what_is_not_counted_is_not_known(tmp_path: Path) -> None:
    found = reading({"": str(tmp_path)}, tmp_path / "none")
    assert (found.cpu_time, found.memory, found.pids, found.block_read, found.received) == (None,) * 5


def test_percent_is_of_one_cpu_since_the_last_line() -> None:
    def at(time: float, cpu: float) -> Reading:
        return Reading(time, cpu, 25, 100, 1, None, 0, 0, 0, 0)

    first = compared("id", "name", 100.0, at(104.0, 2.0), None)
    assert (first.cpu_percent, first.average_cpu, first.memory_percent) == (50.0, 50.0, 25.0)
    second = compared("id", "name", 100.0, at(105.0, 4.0), first.reading)
    assert (second.cpu_percent, second.average_cpu) == (200.0, 80.0)
    assert compared("id", "name", None, at(105.0, 4.0), None).cpu_percent == 0.0
