"""What stands on the upper edges of the panes: their numbers and names, and the way to the others."""

from __future__ import annotations

from tui.panes.tab import MainTab
from tui.panes.tabs import TABS
from tui.widgets.frame import Tab


def wide(images: int, containers: int, main: MainTab | None) -> dict[str, list[Tab]]:
    """Every pane carries its own name."""
    return {
        "images": [Tab("images", _counted("[1] Images", images), active=True)],
        "layers": [Tab("layers", "[2] Layers", active=True)],
        "main": _main(main),
        "containers": [Tab("containers", _counted("[4] Containers", containers), active=True)],
    }


def narrow(width: int, place: str, images: int, containers: int, main: MainTab | None) -> list[Tab]:
    """The one pane in sight carries all names; its own stays whole where there is little room."""
    shown = main.title if main is not None else "Welcome"
    main_tabs = _main(main) if place == "main" else [Tab("main", f"[3] {shown}", "[3]")]
    spare = width < 76 or place == "main"
    return [
        Tab("images", _counted("[1] Images", images), "[1]" if spare else "[1] Images", place == "images"),
        Tab("layers", "[2] Layers", "[2]" if spare else "", place == "layers"),
        *main_tabs,
        Tab(
            "containers",
            _counted("[4] Containers", containers),
            "[4]" if spare else "[4] Containers",
            place == "containers",
        ),
    ]


def _main(current: MainTab | None) -> list[Tab]:
    return [
        Tab(
            tab.tab_id,
            tab.title if number else f"[3] {tab.title}",
            tab.title[:3] if number else f"[3] {tab.title[:3]}",
            current is not None and current.tab_id == tab.tab_id,
            number > 0,
        )
        for number, tab in enumerate(TABS)
    ]


def _counted(name: str, count: int) -> str:
    return f"{name} {count}" if count else name
