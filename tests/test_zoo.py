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


def test_hands_are_found_by_default_as_the_library_does_best(hands_files):
    defaults = {name: one.default for name, one in inspect.signature(vitruvian.hands).parameters.items()}
    settings = vitruvian.HandSettings()
    assert {name: defaults[name] for name in ("num_hands", "mirrored", "upright", "looks")} == {
        name: getattr(settings, name) for name in ("num_hands", "mirrored", "upright", "looks")
    }
    with vitruvian.hands(offline=True) as pipeline:
        assert pipeline.model.files == tuple(file.sha256 for file in hands_files.values())
        assert pipeline.skeleton.name == "hand21"


def test_the_lite_hands_are_another_model(hand_photos):
    frame = vitruvian.read_image(hand_photos / "four_0c960166.jpg")
    with vitruvian.hands("lite") as lite, vitruvian.hands() as full:
        assert not set(lite.model.files) & set(full.model.files)
        small, large = lite.estimate(frame), full.estimate(frame)
    assert len(small) == len(large) == 1
    assert abs(small.xy - large.xy).max() < 0.1 * (large.box[0, 3] - large.box[0, 1])


def test_the_official_bundle_holds_the_full_hand_networks(hands_files, hand_bundle):
    with vitruvian.hands(hand_bundle) as pipeline:
        assert pipeline.model.files == tuple(file.sha256 for file in hands_files.values())


def test_a_closed_hand_pipeline_says_so(hands_files, hand_photos):
    pipeline = vitruvian.hands(hands_files)
    pipeline.close()
    with pytest.raises(SessionError, match="closed"):
        pipeline.estimate(vitruvian.read_image(hand_photos / "four_0c960166.jpg"))
