"""What is remembered of styles is what the library would find again."""

from __future__ import annotations

from typing import Any

from textual.containers import Container
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Input, Static

from tui.dialogs.form import Field, Form
from tui.widgets.remembered_styles import RememberedStyles


class _Asking(Stylesheet):
    """The library's own, which changes nothing."""

    def __init__(self, of: Stylesheet) -> None:
        super().__init__()
        self._rules = of.rules
        self.found: RulesMap = RulesMap()

    def replace_rules(self, node: DOMNode, rules: RulesMap, animate: bool = False) -> None:  # type: ignore[override]
        self.found = rules

    def _process_component_classes(self, node: DOMNode) -> None:
        """Each is asked for by itself."""


def _found(node: DOMNode, stylesheet: Stylesheet) -> dict[str, Any]:
    """What a node of that kind gets that had nothing."""
    asking, new = _Asking(stylesheet), DOMNode()
    asking.apply(node)
    Stylesheet.replace_rules(new, asking.found)
    return _comparable(new)


def _comparable(node: DOMNode) -> dict[str, Any]:
    return {name: type(value) if name == "layout" else value for name, value in node.styles.base.get_rules().items()}


def _flags(node: DOMNode) -> tuple[bool, ...]:
    return node._has_hover_style, node._has_focus_within, node._has_order_style, node._has_odd_or_even


def _compare(app: Any) -> int:
    assert isinstance(app.stylesheet, RememberedStyles)
    nodes = [app.screen, *app.screen.walk_children(), *app._background_screens]
    nodes += [styles.base.node for node in nodes for styles in node._component_styles.values()]
    for node in nodes:
        before = _flags(node)
        assert _comparable(node) == _found(node, app.stylesheet), node.css_path_nodes
        assert before == _flags(node), node
    return len(nodes)


class Odd(Screen[None]):
    """Rules that ask for more than ours do."""

    DEFAULT_CSS = """
    Odd Static:first-child { color: red; }
    Odd Static:even { background: blue; }
    Odd > .here:focus-within #it { text-style: bold; }
    Odd .here > Static { text-style: italic; }
    Odd *:disabled .here #it { color: green; }
    Odd.-wide Static, #it.-old { width: 3; }
    """


async def test_each_is_as_if_it_were_asked_for_again(bench: Any) -> None:
    fields = [Field("to", "to", "registry/name:1"), Field("tls", "verify it", "yes", toggle=True)]
    async with bench(size=(100, 30)) as screen:
        app = screen.app
        assert _compare(app) > 50
        for theme in ("cutaway-light", "cutaway-dark"):
            app.theme = theme
            await screen.pilot.pause()
            _compare(app)
        for _ in range(2):  # the second time all of it is known
            app.push_screen(Form("Push", fields, done="push"))
            await screen.settled()
            await screen.press("tab")
            _compare(app)
            app.screen.query("*").last().disabled = True
            _compare(app)
            await app.pop_screen()
        for key in ("3", "0"):
            await screen.press(key)
            _compare(app)
        odd = Odd()
        app.push_screen(odd)
        await screen.settled()
        box = Static(classes="here")
        await odd.mount(Static(), box, Static(id="it"), *(Static() for _ in range(4)))
        await box.mount(Static(), Input(id="in"), Static("a", id="it"), Static("b"), Container(Static(), Static()))
        _compare(app)
        for change in (
            lambda: odd.add_class("-wide"), lambda: box.query(Static).first().add_class("-old"),
            lambda: odd.query_one("#in").focus(), lambda: setattr(box, "disabled", True),
        ):  # fmt: skip
            change()
            await screen.settled()
            odd.update_node_styles()
            _compare(app)
