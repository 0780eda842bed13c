"""The bars that a model is measured by on streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kws_train.intervals import Rate, Share
from kws_train.stream_judge import StreamJudgement

REJECTS = {"10 dB": 0.08, "silence": 0.04}  # the highest share of false rejects, by condition
SPEECH, NOISE = 1.0, 0.5  # the most false accepts per hour of read speech, of mixed noise


@dataclass(frozen=True)
class Bar:
    """A figure, and the highest value that it may have."""

    what: str
    measured: Rate | Share
    highest: float

    @property
    def met(self) -> bool:
        """Whether the figure itself, not the end of its interval, is within the bar."""
        return self.measured.value <= self.highest

    @property
    def limit(self) -> str:
        """The bar in words."""
        if isinstance(self.measured, Rate):
            return f"at most {self.highest:g} per hour"
        return f"at most {100 * self.highest:g} %"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        value = self.measured.value
        return {"what": self.what, "value": value, "highest": self.highest, "met": self.met}


def bars(judged: StreamJudgement) -> Iterator[Bar]:
    """The bars of what was judged."""
    if judged.readings:
        yield Bar("false accepts, read speech", judged.accepts().rate, SPEECH)
    if judged.mixed:
        yield Bar("false accepts, mixed noise", judged.noise_rate(), NOISE)
    scores = judged.scores()
    for name, highest in REJECTS.items():
        if name in scores:
            where = f"at {name}" if name.endswith("dB") else f"in {name}"
            yield Bar(f"false rejects {where}", scores[name].reject_rate, highest)


def table(judged: StreamJudgement) -> Iterator[str]:
    """One line a bar."""
    for bar in bars(judged):
        said = "met" if bar.met else "missed"
        yield f"{bar.what:<28}{bar.measured!s:<34}{bar.limit:<22}{said}"
