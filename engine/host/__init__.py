"""This machine: kernel, privileges, cgroups, the tools found on it."""

from engine.host.facts import CgroupMode, HostFacts, probe
from engine.host.tools import Tool, find_tool, how_it_ended, known_holes

__all__ = ["CgroupMode", "HostFacts", "Tool", "find_tool", "how_it_ended", "known_holes", "probe"]
