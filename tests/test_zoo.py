import inspect

import pytest

import vitruvian
from vitruvian import OptionError, PoseSettings, SessionError, WeightsError, WeightsMissingError, weights


def test_the_default_is_full_and_finds_everyone(full_files):
    defaults = {name: option.default for name, option in inspect.signature(vitruvian.pose).parameters.items()}
    assert defaults["model"] == "full"
    assert defaults["num_poses"] is None
    with vitruvian.pose(offline=True) as pipeline:
        assert pipeline.model.files == tuple(file.sha256 for file in full_files.values())
        assert pipeline.model.name == "full"


def test_a_bundle_by_path_string_and_bytes_is_the_same_model(lite_bundle):
    pipelines = [vitruvian.pose(model) for model in (lite_bundle, str(lite_bundle), lite_bundle.read_bytes())]
    assert len({pipeline.model.files for pipeline in pipelines}) == 1
    for pipeline in pipelines:
        pipeline.close()


def test_a_folder_of_networks(full_files, tmp_path):
    for file in full_files.values():
        (tmp_path / file.name).write_bytes(file.data)
    with vitruvian.pose(tmp_path) as pipeline:
        assert set(pipeline.model.files) == {file.sha256 for file in full_files.values()}


def test_options_are_checked_before_anything_is_loaded():
    with pytest.raises(OptionError, match="num_poses"):
        vitruvian.pose("no such file", num_poses=0)


def test_a_missing_model_is_also_a_file_not_found(tmp_path):
    with pytest.raises(WeightsMissingError) as caught:
        vitruvian.pose(tmp_path / "none.task")
    assert isinstance(caught.value, FileNotFoundError)


def test_something_else_is_refused():
    with pytest.raises(WeightsError):
        vitruvian.pose(b"PK\x03\x04 no archive")


def test_exchanged_networks_are_refused(full_files):
    swapped = {"detector": full_files["landmarker"], "landmarker": full_files["detector"]}
    with pytest.raises(SessionError, match=r"pose_landmark_full\.tflite"):
        vitruvian.pose_pipeline(swapped, PoseSettings())


def test_weights_loaded_apart_serve_too(lite_bundle):
    with vitruvian.pose(weights.load(lite_bundle)) as pipeline:
        assert len(pipeline.model.files) == 2
