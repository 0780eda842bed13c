from __future__ import annotations

from pathlib import Path

from kws.artefact import Artefact
from kws_train.publish import UNTUNED, untuned
from stream_model import STRIDE, stream_artefact


def test_a_network_that_streams_decides_at_each_of_its_outputs(tmp_path: Path) -> None:
    decision = untuned(stream_artefact(tmp_path / "stream").model)
    assert decision.hop == STRIDE
    assert decision.smoothing * STRIDE == UNTUNED.smoothing
    assert decision.refractory == UNTUNED.refractory


def test_others_decide_at_each_column() -> None:
    for name in ("st-int8", "st-float"):  # padding in time; layers in float
        assert untuned(Artefact.load(name).model) == UNTUNED
