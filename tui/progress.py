"""How far a pull is: the newest progress of each layer, the whole, and its speed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from engine import LayerPhase, LayerProgress, Outcome, Problem
from tui.widgets.bars import percent

_SPEED_OVER = 3.0
"""Seconds that a speed is measured over."""

_SETTLED = (LayerPhase.DONE, LayerPhase.PRESENT)


@dataclass
class Progress:
    """What is known of how far a job's layers (or other blobs) are."""

    layers: dict[int, LayerProgress] = field(default_factory=dict)
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, event: LayerProgress, now: float) -> None:
        """Newer progress; `now` is a clock's reading in seconds."""
        self.layers[event.number] = event
        self._samples.append((now, self.downloaded))
        while len(self._samples) > 2 and self._samples[1][0] < now - _SPEED_OVER:
            self._samples.popleft()

    @property
    def downloaded(self) -> int:
        """Bytes that have arrived."""
        return sum(
            event.total if event.phase in (*_SETTLED, LayerPhase.EXPANDING) else event.done
            for event in self.layers.values()
            if event.phase is not LayerPhase.PRESENT
        )

    @property
    def speed(self) -> float:
        """Bytes a second, over the last seconds."""
        if len(self._samples) < 2:
            return 0.0
        (began, first), (now, last) = self._samples[0], self._samples[-1]
        return (last - first) / (now - began) if now > began else 0.0

    @property
    def fraction(self) -> float:
        """0 to 1; downloading and expanding count for half of a layer each."""
        if not self.layers:
            return 0.0
        weights = {number: event.total or 1 for number, event in self.layers.items()}
        # Layers that nothing is known of yet count as an average one.
        average = sum(weights.values()) / len(weights)
        whole = sum(weights.values()) + average * (self.count - len(weights))
        return sum(weights[number] * done(event) for number, event in self.layers.items()) / whole

    @property
    def percent(self) -> str:
        """How far it is, as everybody is told."""
        return percent(self.fraction).strip()

    @property
    def measured(self) -> bool:
        """Whether anything is known of how far it is."""
        return any(event.total for event in self.layers.values())

    @property
    def count(self) -> int:
        """How many layers there are, seen or not."""
        return max((event.count for event in self.layers.values()), default=0)

    @property
    def settled(self) -> int:
        """How many layers are whole and here."""
        return sum(event.phase in _SETTLED for event in self.layers.values())


@dataclass
class Pull:
    """One image on its way, here or (`out`) to a registry; `progress` is its job's. `problem` says why it does not
    arrive, `cancelled` that it was stopped, `tls_verify` and `platform` how it was asked for."""

    job: str
    name: str
    command: str
    problem: Problem | None = None
    cancelled: bool = False
    finished: bool = False
    out: bool = False
    tls_verify: bool = True
    platform: str | None = None
    progress: Progress = field(default_factory=Progress)

    @property
    def verb(self) -> str:
        return "push" if self.out else "pull"


@dataclass
class Work:
    """A job: under way, or how it ended. Times are a clock's readings in seconds."""

    job: str
    title: str
    command: str
    began: float
    ended: float | None = None
    outcome: Outcome | None = None
    problem: Problem | None = None
    progress: Progress = field(default_factory=Progress)

    def left(self, now: float) -> float | None:
        """Seconds that it will take still, if it goes on as it did; None where nothing can be said yet."""
        fraction = self.progress.fraction
        if self.ended is not None or not 0.01 < fraction < 1:
            return None
        return (now - self.began) * (1 - fraction) / fraction


def done(event: LayerProgress) -> float:
    """How much of one layer is done, 0 to 1."""
    part = min(1.0, event.done / event.total) if event.total else 0.0
    match event.phase:
        case LayerPhase.WAITING:
            return 0.0
        case LayerPhase.DOWNLOADING:
            return part / 2
        case LayerPhase.UPLOADING | LayerPhase.PACKING | LayerPhase.COPYING:
            return part
        case LayerPhase.EXPANDING:
            return 0.5 + part / 2
        case _:
            return 1.0
