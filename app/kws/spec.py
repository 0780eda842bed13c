"""The numbers of a front-end: one frozen dataclass, the only place where they live."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from kws.errors import SpecError

FEATURES = ("mfcc", "log-mel")

# fmt: off
# of the 20,993 training clips; `kws-data statistics` prints them
_MEAN = (
    131.958, 13.92, -0.17, 2.095, -1.392, 0.299, -0.939, 0.196, -0.653, 0.364, -0.956, 0.103,
    -0.813, 0.15, -0.819, -0.133, -0.692, 0.029, -0.582, 0.013, -0.373, 0.077, -0.238, 0.109,
    -0.152, 0.057, -0.125, 0.039, -0.145, -0.012, -0.156, -0.04, -0.105, 0.008, -0.066, -0.033,
    -0.095, -0.072,
)
_DEVIATION = (
    35.823, 12.994, 7.47, 5.448, 4.936, 4.03, 3.506, 3.047, 2.675, 2.464, 2.305, 2.206, 2.04,
    1.895, 1.823, 1.688, 1.596, 1.531, 1.48, 1.387, 1.321, 1.272, 1.197, 1.162, 1.099, 1.037,
    0.97, 0.923, 0.873, 0.812, 0.738, 0.687, 0.695, 0.711, 0.67, 0.611, 0.59, 0.572,
)
# fmt: on


@dataclass(frozen=True)
class FrontEnd:
    """Everything that turns samples into a model's int8 columns.

    `mean` and `deviation` (one per coefficient, in log2 of power) are the training set's. A
    value of the column is `(coefficient - mean) / deviation`, quantised in steps of `step`.
    `noise_floor` is the level, in int16 steps rms, of a white noise whose expected energy is
    added to every mel band: it gives digital silence a finite logarithm and hides the
    quantisation noise of very quiet recordings.

    The defaults are the numbers of Guarneri et al.: 38 MFCC of 512 samples every 256, 55
    columns of them.
    """

    sample_rate: int = 16_000
    window: int = 512
    hop: int = 256
    mels: int = 40
    low_hz: float = 20.0
    high_hz: float = 8_000.0
    features: str = "mfcc"
    coefficients: int = 38
    columns: int = 55
    noise_floor: float = 1.0
    step: float = 1 / 32
    mean: tuple[float, ...] = _MEAN
    deviation: tuple[float, ...] = _DEVIATION

    def __post_init__(self) -> None:
        if self.window not in (128, 256, 512, 1024, 2048):
            raise SpecError(f"window is {self.window}; expected a power of two, 128 to 2048")
        for name, value in self.to_json().items():
            numbers = value if isinstance(value, list) else [value]
            if any(isinstance(v, float) and not math.isfinite(v) for v in numbers):
                raise SpecError(f"{name} is {value}; expected finite numbers")
        if not 0 < self.hop <= self.window:
            raise SpecError(f"hop is {self.hop}; expected 1 to the window's {self.window}")
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise SpecError(
                f"mel bands from {self.low_hz} to {self.high_hz} Hz; expected two rising "
                f"frequencies up to {self.sample_rate / 2:.0f} Hz"
            )
        if self.features not in FEATURES:
            raise SpecError(f"features is {self.features!r}; expected one of {FEATURES}")
        if not 0 < self.coefficients <= self.mels:
            raise SpecError(f"coefficients is {self.coefficients}; expected 1 to {self.mels} mels")
        if self.features == "log-mel" and self.coefficients != self.mels:
            raise SpecError(
                f"log-mel gives one coefficient a band: coefficients is {self.coefficients}, "
                f"expected {self.mels}"
            )
        if self.columns < 1 or self.step <= 0:
            raise SpecError(f"columns {self.columns} and step {self.step} must be positive")
        if not 0 < self.noise_floor <= 4:
            raise SpecError(f"noise_floor is {self.noise_floor}; expected above 0 and at most 4")
        for name in ("mean", "deviation"):
            if len(getattr(self, name)) != self.coefficients:
                raise SpecError(
                    f"{name} has {len(getattr(self, name))} values; expected "
                    f"{self.coefficients}, one a coefficient"
                )
        if min(self.deviation) <= 0:
            raise SpecError(f"deviation {min(self.deviation)} is not positive")
        if min(self.deviation) * self.step <= 2**-13:
            raise SpecError(
                f"deviation {min(self.deviation)} in steps of {self.step} is too fine for the "
                "integer matrix; expected their product above 2^-13"
            )

    @property
    def samples(self) -> int:
        """Samples that fill all columns of the model's input."""
        return self.window + (self.columns - 1) * self.hop

    @property
    def hop_seconds(self) -> float:
        """Seconds from one column to the next."""
        return self.hop / self.sample_rate

    def columns_in(self, samples: int) -> int:
        """Columns that `samples` samples give, counted from a reset."""
        return max(0, (samples - self.window) // self.hop + 1)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, in the order of the fields."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FrontEnd:
        """The inverse of `to_json`; raises `SpecError` on a missing or unknown number."""
        names = {field.name for field in fields(cls)}
        if wrong := names ^ set(values):
            raise SpecError(
                f"front-end with missing or unknown numbers {sorted(wrong)}; "
                f"expected exactly {sorted(names)}"
            )
        kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(cls)}
        try:
            cast: dict[str, Any] = {
                name: tuple(float(v) for v in values[name])
                if kinds[name] is tuple
                else kinds[name](values[name])
                for name in names
            }
        except (TypeError, ValueError) as error:
            raise SpecError(f"front-end number of the wrong type: {error}") from error
        return cls(**cast)
