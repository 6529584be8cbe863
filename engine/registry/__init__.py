"""The distribution client: talks to registries (OCI distribution-spec).

It needs `requests`, so the façade imports it when a registry is first spoken to.
"""

from typing import TYPE_CHECKING

from engine.lazy import provide

if TYPE_CHECKING:
    from engine.registry.hosts import RegistryHosts
    from engine.registry.login import login, logout
    from engine.registry.patience import Patience
    from engine.registry.source import RegistrySource
    from engine.registry.tags import tags
    from engine.registry.target import RegistryTarget

provide(
    __name__,
    {
        "hosts": "RegistryHosts",
        "login": "login logout",
        "patience": "Patience",
        "source": "RegistrySource",
        "tags": "tags",
        "target": "RegistryTarget",
    },
)

__all__ = ["Patience", "RegistryHosts", "RegistrySource", "RegistryTarget", "login", "logout", "tags"]
