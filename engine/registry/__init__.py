"""The distribution client: talks to registries (OCI distribution-spec)."""

from engine.registry.hosts import RegistryHosts
from engine.registry.source import RegistrySource
from engine.registry.web import Patience

__all__ = ["Patience", "RegistryHosts", "RegistrySource"]
