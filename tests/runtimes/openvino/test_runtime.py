import pytest

from vitruvian import OpenVINO, OptionError, SessionError
from vitruvian.models.blazepose import DETECTOR, LANDMARKER


@pytest.fixture(autouse=True)
def _without_kernels(monkeypatch):
    """They would run these networks themselves."""
    monkeypatch.setattr("vitruvian.kernels.steps.native", None)


def test_precision_is_float32_although_the_cpu_may_have_bf16(full_files):
    """OpenVINO would pick bf16 by itself, which moves landmarks by 9 px."""
    session = OpenVINO().open(full_files["landmarker"], LANDMARKER, outputs=("presence",))
    hint = session._compiled.get_property("INFERENCE_PRECISION_HINT")
    assert hint.get_type_name() == "f32"


def test_threads_reach_the_network(full_files):
    session = OpenVINO(threads=1).open(full_files["landmarker"], LANDMARKER, outputs=("presence",))
    assert session._compiled.get_property("INFERENCE_NUM_THREADS") == 1


@pytest.mark.parametrize("threads", [0, 1.5, "2"])
def test_no_threads_are_refused(threads):
    with pytest.raises(OptionError, match="threads"):
        OpenVINO(threads=threads)


def test_no_place_for_a_temporary_file(full_files, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(SessionError, match="temporary file"):
        OpenVINO().open(full_files["detector"], DETECTOR, outputs=("scores",))
