"""How each thing on the screen looks, worked out once for all that stand alike.

Textual asks each rule of its style sheets again for each widget, whenever one is put on the screen and whenever a class
or the focus changes above it. But a rule asks little: a few types, ids, classes and states, of the widget and of those
around it. What was found is true for each of which the same can be said. On a screen that opens this was a third of the
work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from textual.css.model import CombinatorType, RuleSet, Selector, SelectorType
from textual.css.styles import RulesMap, Styles
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation
from textual.dom import DOMNode

_ORDER: Final = {"first-of-type", "last-of-type", "first-child", "last-child", "empty"}
_OWN: Final = {"layout", "transitions"}
"""Each widget has an object of its own of these."""


class _Asked:
    """What some selectors ask of a node."""

    __slots__ = ("classes", "everyone", "ids", "states", "types")

    def __init__(self, selectors: Iterable[Selector]) -> None:
        named: dict[SelectorType, set[str]] = {kind: set() for kind in SelectorType}
        states: set[str] = set()
        for selector in selectors:
            named[selector.type].add(selector.name)
            states |= selector.pseudo_classes
        self.types, self.ids = named[SelectorType.TYPE], named[SelectorType.ID]
        self.classes = frozenset(named[SelectorType.CLASS])
        self.everyone = bool(named[SelectorType.UNIVERSAL] or named[SelectorType.NESTED])
        self.states = tuple(sorted(states))

    def answer(self, node: DOMNode) -> tuple[object, ...] | None:
        """The same for two of which the same is true; None for one that is not meant."""
        types, marks = node._css_type_names & self.types, node._classes & self.classes
        name = node._id if node._id in self.ids else None
        if not (types or marks or name or self.everyone):
            return None
        asked: dict[str, Callable[[Any], bool]] = node._PSEUDO_CLASSES
        return types, frozenset(marks), name, *(state in asked and asked[state](node) for state in self.states)


class _Found:
    """What applies, and as Textual keeps it with a widget (None: nobody asked yet)."""

    __slots__ = ("kept", "rules")

    def __init__(self, rules: RulesMap) -> None:
        self.rules = rules
        self.kept: dict[str, object] | None = None


class _Candidates:
    """The rules whose last word may mean a widget, what Textual notes of that, and what was found for whom."""

    def __init__(self, rules: tuple[RuleSet, ...]) -> None:
        self.rules = rules  # as long as they are here no other has the place of theirs in memory
        states: set[str] = set().union(*(rule.pseudo_classes for rule in rules))
        self.flags = (
            "hover" in states,
            "focus-within" in states,
            not states.isdisjoint(_ORDER),
            not states.isdisjoint(("odd", "even")),
        )
        above: list[Selector] = []
        itself: list[Selector] = []
        for selectors in (one.selectors for rule in rules for one in rule.selector_set):
            last = len(selectors) - 1
            while selectors[last].combinator is CombinatorType.SAME:
                last -= 1
            above += selectors[:last]
            itself += selectors[last:]
        self._above, self._itself = _Asked(above) if above else None, _Asked(itself)
        self.found: dict[tuple[object, ...], _Found] = {}

    def standing(self, node: DOMNode) -> tuple[object, ...]:
        """All that these rules ask, answered. Of a row of nodes that none of them means it matters only that it is
        there."""
        answers = [self._itself.answer(node)]
        if (above := self._above) is not None:
            up = node._parent
            while isinstance(up, DOMNode):
                answer = above.answer(up)
                if answer is not None or answers[-1] is not None:
                    answers.append(answer)
                up = up._parent
        return tuple(answers)


class RememberedStyles(Stylesheet):
    """Textual's, which remembers. What was read and found is kept for the process: a theme that was there before, or
    the next application, finds it."""

    _texts: ClassVar[dict[tuple[object, ...], list[RuleSet]]] = {}
    _alike: ClassVar[dict[tuple[int, ...], _Candidates]] = {}

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._colours = frozenset(self._variables.items())
        self._forget()

    def _forget(self) -> None:
        self._places: dict[str, list[int]] = {}
        self._by_name: dict[frozenset[str], _Candidates] = {}

    def set_variables(self, variables: dict[str, str]) -> None:
        super().set_variables(variables)
        self._colours = frozenset(variables.items())

    def _parse_rules(self, css: str, read_from: CSSLocation, *more: Any, **named: Any) -> list[RuleSet]:
        key = (self._colours, css, read_from, more, *named.values())
        if (known := self._texts.get(key)) is None:
            known = self._texts[key] = super()._parse_rules(css, read_from, *more, **named)
        return known

    def parse(self) -> None:
        super().parse()
        self._forget()
        for place, rule in enumerate(self._rules):
            for name in rule.selector_names:
                self._places.setdefault(name, []).append(place)

    def reparse(self) -> None:
        self.parse()  # which leaves what is there where it fails, too

    def apply(self, node: DOMNode, *, animate: bool = False, cache: dict[Any, Any] | None = None) -> None:
        candidates = self._candidates(node)
        standing = candidates.standing(node)
        found = candidates.found.get(standing)
        if found is None:
            base = node.styles.base
            before = _applied(base)
            super().apply(node, animate=animate)
            if (now := _applied(base)) is before:  # no rule is for it
                self.replace_rules(node, now := RulesMap())
            candidates.found[standing] = _Found(now or RulesMap())
            return
        node._has_hover_style, node._has_focus_within, node._has_order_style, node._has_odd_or_even = candidates.flags
        if node._is_mounted or node.styles.base._rules:
            self.replace_rules(node, found.rules, animate)
        else:
            self._fill(node, found)
        self._process_component_classes(node)

    def _candidates(self, node: DOMNode) -> _Candidates:
        rules, places = self.rules, self._places  # in this order: the first reads what has come
        names = frozenset(node._selector_names & places.keys())
        if (found := self._by_name.get(names)) is None:
            chosen = tuple(rules[place] for place in sorted({place for name in names for place in places[name]}))
            same = tuple(map(id, chosen))
            if (alike := self._alike.get(same)) is None:
                alike = self._alike[same] = _Candidates(chosen)
            found = self._by_name[names] = alike
        return found

    def _fill(self, node: DOMNode, found: _Found) -> None:
        """For one that has nothing yet and is not on the screen: there is nobody to be told."""
        base = node.styles.base
        if found.kept is None:
            self.replace_rules(node, found.rules)
            found.kept = {name: value for name, value in base._rules.items() if name not in _OWN}
            return
        base._rules.update(found.kept)  # type: ignore[typeddict-item]
        base._updates += 1
        for name in _OWN & found.rules.keys():
            setattr(base, name, found.rules[name])  # type: ignore[literal-required]
        node._nodes.updated()
        _note(base, found.rules)
        node.notify_style_update()

    @classmethod
    def replace_rules(cls, node: DOMNode, rules: RulesMap, animate: bool = False) -> None:
        base = node.styles.base
        before = _applied(base)
        if before is rules:
            if not animate:
                node.notify_style_update()
            return
        if before is None or (animate and "transitions" in rules):
            super().replace_rules(node, rules, animate)
        else:
            for name in before.keys() | rules.keys():
                if before.get(name) is not (value := rules.get(name)):
                    setattr(base, name, value)
            node.notify_style_update()
        _note(base, rules)

    def _process_component_classes(self, node: DOMNode) -> None:
        """Parts of a widget that have no node: Textual makes them anew each time."""
        if not node._component_styles:
            super()._process_component_classes(node)
            return
        parts = [styles.base for styles in node._component_styles.values()]
        before = [part._updates for part in parts]
        for part in parts:
            if part.node is not None:
                self.apply(part.node)
        if before != [part._updates for part in parts]:
            node.refresh()


def _applied(base: Styles) -> RulesMap | None:
    """The rules that are in there, if nobody else has written there since."""
    rules, updates = getattr(base, "_applied", (None, 0))
    return rules if updates == base._updates else None


def _note(base: Styles, rules: RulesMap) -> None:
    base._applied = (rules, base._updates)  # type: ignore[attr-defined]
