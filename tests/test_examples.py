"""The examples run as they stand, and what they say is true."""

import csv
import importlib.util
import json
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import vitruvian
from vitruvian import Landmarks, Skeleton, weights

EXAMPLES = Path(__file__).parents[1] / "examples"
LITE = Path(__file__).resolve().parents[2] / "shared" / "models" / "pose_landmarker_lite.task"
BODY = Skeleton.named("body33")


def _start(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def _run(name: str, *arguments: object) -> str:
    done = _start(name, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _load(name: str):
    """Open an example as a module, to call what is in it."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def model(request) -> Path | str:
    """The lite bundle where it is, else the default networks."""
    if LITE.exists():
        return LITE
    request.getfixturevalue("full_files")
    return "full"


@pytest.fixture(scope="session")
def squats(eval_photos) -> Path:
    return eval_photos.parents[1] / "clips" / "pose_squats.mp4"


@pytest.fixture(scope="session")
def tilting(astronaut, tmp_path_factory) -> Path:
    """Four seconds of the astronaut at 10 frames/s, who tilts by 25 degrees to her left after two."""
    path = tmp_path_factory.mktemp("clips") / "tilting.mp4"
    picture = vitruvian.read_image(astronaut).pixels
    turn = cv2.getRotationMatrix2D((256, 256), -25, 1)
    tilted = cv2.warpAffine(picture, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 512, 512, "yuv420p"
        for index in range(40):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture if index < 20 else tilted)))
        file.mux(stream.encode(None))
    return path


def test_joint_angles(full_files, astronaut):
    lines = _run("joint_angles.py", astronaut).splitlines()
    assert len(lines) == 4
    assert any(line.endswith("hidden") for line in lines)


def test_mediapipe_script(lite_bundle, astronaut, tmp_path):
    printed = _run("mediapipe_script.py", lite_bundle, astronaut, tmp_path / "a.png")
    assert printed.startswith("1 people, 1 masks")
    picture, original = cv2.imread(str(tmp_path / "a.png")), cv2.imread(str(astronaut))
    assert 0.001 < (picture != original).any(axis=2).mean() < 0.2


def test_mediapipe_hands(hands_files, hand_photos, tmp_path):
    photo = hand_photos / "four_06aa70cc.jpg"
    model = weights.paths("hands-full")[0].parent
    printed = _run("mediapipe_hands.py", model, photo, tmp_path / "a.png").splitlines()
    assert printed[0].startswith("Left (98%), index finger tip at 24")
    assert printed[1].startswith("1 hands")
    picture, original = cv2.imread(str(tmp_path / "a.png")), cv2.imread(str(photo))
    assert 0.002 < (picture != original).any(axis=2).mean() < 0.1
    assert np.any(np.all(picture == (48, 48, 255), axis=2))


def test_handpose_script(hands_files, hand_photos, tmp_path):
    results = tmp_path / "hands.json"
    printed = _run("handpose_script.py", hand_photos / "none_0a0ef3d2.jpg", results)
    assert printed.endswith(f"1 hands -> {results}\n")
    (hand,) = json.loads(results.read_text(encoding="utf-8"))
    tip = hand["annotations"]["middleFinger"][-1]
    assert f"middle_finger {tip[0]:6.1f} {tip[1]:6.1f}" in printed


def _table(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}


def test_joint_angles_over_time_of_squats(squats, model, tmp_path):
    table, plot = tmp_path / "a.csv", tmp_path / "a.png"
    said = _run("joint_angles_over_time.py", squats, "-o", table, "--plot", plot, "--model", model)
    assert said.startswith("65 frames, people: 1 ")
    angles = _table(table)
    assert np.allclose(angles["time"], np.arange(65) / 5)
    assert not angles["track_id"].any()
    # Seen with the eye: she stands at 0, 4.6 and 9 seconds, and is deepest near 2.2, 7 and 12.
    for side in ("left", "right"):
        knee = angles[f"{side}_knee"]
        assert knee[[0, 23, 45]].min() > 145
        assert knee[[11, 35, 60]].max() < 100
    assert angles["trunk_lean"][[0, 23, 45]].max() < 12
    assert angles["trunk_lean"][[11, 35, 60]].min() > 18
    picture = cv2.imread(str(plot))
    assert picture.shape[0] > 500
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_joint_angles_filtered_without_lag(squats, model, tmp_path):
    said = _run(
        "joint_angles_over_time.py", squats, "-o", tmp_path / "a.csv", "--model", model, "--cutoff", 1
    )
    assert said.startswith("65 frames, people: 1 ")
    knee = _table(tmp_path / "a.csv")["left_knee"]
    assert knee[[0, 23, 45]].min() > 145
    assert knee[[11, 35, 60]].max() < 105


def test_joint_angles_over_time_of_a_rendered_clip(tilting, model, tmp_path):
    said = _run("joint_angles_over_time.py", tilting, "-o", tmp_path / "a.csv", "--model", model)
    assert said.startswith("40 frames, people: 1 ")
    angles = _table(tmp_path / "a.csv")
    assert np.allclose(angles["time"], np.arange(40) / 10)
    # Her legs are not in the picture; once it is tilted, the networks are less sure of that.
    assert np.isnan(angles["left_knee"][:20]).all()
    assert np.isnan(angles["right_knee"][:20]).all()
    degrees = np.concatenate([column for name, column in angles.items() if name not in ("time", "track_id")])
    known = degrees[~np.isnan(degrees)]
    assert known.size > 0
    assert ((known >= 0) & (known <= 180)).all()


def test_an_angle_is_that_between_two_directions():
    between = _load("joint_angles_over_time").between
    east, up = np.array([2.0, 0, 0], np.float32), np.array([0.0, 3, 0], np.float32)
    assert [between(east, other) for other in (east, east + up * 2 / 3, up, -east)] == pytest.approx(
        [0, 45, 90, 180], abs=1e-3
    )
    assert math.isnan(between(east, np.full(3, np.nan)))


def test_other_names_than_those_of_tables_and_plots_are_refused(squats, tmp_path):
    for options in (("-o", squats), ("--plot", tmp_path / "plot.mp4")):
        done = _start("joint_angles_over_time.py", squats, *options)
        assert done.returncode == 2
        assert "a name that ends with" in done.stderr


def test_squats_are_counted(squats, model):
    """Counted by eye, frame by frame.

    She goes down three times (from frames 3, 26 and 51 on) and comes up twice (at frames 18 and 42); at the
    end of the clip, in frame 64, she is halfway up the third time.
    """
    first, second, total = _run(
        "count_repetitions.py", squats, "--exercise", "squat", "--model", model
    ).splitlines()
    assert total == "person 0: 2 x squat, one more begun and not finished"
    for line, number, (start, deepest, end) in ((first, 1, (0.6, 2.2, 3.6)), (second, 2, (5.2, 7.0, 8.4))):
        words = line.replace(":", "").split()
        assert words[:4] == ["person", "0", "squat", str(number)]
        seconds = [float(word) for word, unit in pairwise(words) if unit in ("s", "s,")]
        assert seconds == pytest.approx([start, end, deepest], abs=0.5)
        assert 60 < float(words[-2]) < 95


def test_nothing_is_counted_where_nobody_exercises(tilting, model):
    assert (
        _run("count_repetitions.py", tilting, "--exercise", "squat", "--model", model)
        == "person 0: 0 x squat\n"
    )


def test_squats_are_no_push_ups(squats, model):
    # Her elbows bend and stretch with every squat, but she stands.
    assert (
        _run("count_repetitions.py", squats, "--exercise", "pushup", "--model", model)
        == "person 0: 0 x pushup\n"
    )


RATE = 30


def _ramps(*corners: tuple[float, float]) -> np.ndarray:
    """Return angles at 30 a second along straight lines through (seconds, degrees)."""
    seconds, degrees = zip(*corners, strict=True)
    return np.interp(np.arange(0, seconds[-1], 1 / RATE), seconds, degrees)


def _counted(angles, exercise: str = "squat"):
    module = _load("count_repetitions")
    counter = module.Counter(module.EXERCISES[exercise])
    done = [counter.add(index / RATE, float(angle)) for index, angle in enumerate(angles)]
    return [each for each in done if each], counter


THREE = _ramps((0, 165), (1, 165), (2, 75), (3, 165), (4, 80), (5, 165), (6, 70), (7, 165), (8, 165))


def test_three_repetitions_with_their_times_and_depths():
    done, counter = _counted(THREE)
    assert counter.count == len(done) == 3
    assert [each.lowest for each in done] == pytest.approx([75, 80, 70], abs=2)
    assert [each.lowest_at for each in done] == pytest.approx([2, 4, 6], abs=0.1)
    assert [each.start for each in done] == pytest.approx([1.2, 3.2, 5.2], abs=0.2)
    assert [each.end for each in done] == pytest.approx([2.8, 4.8, 6.8], abs=0.2)


def test_noise_does_not_count_twice():
    for seed in range(50):
        noise = np.random.default_rng(seed).normal(0, 6, len(THREE))
        assert _counted(THREE + noise)[1].count == 3


def test_wrong_pictures_do_not_count():
    angles = THREE.copy()
    angles[[10, 11]] = 60  # while standing
    angles[60] = 170  # in the deepest moment
    assert _counted(angles)[1].count == 3


def test_half_a_repetition_is_none():
    half = _ramps((0, 165), (1, 115), (2, 165), (3, 120), (4, 165))
    assert _counted(half)[1].count == 0
    # Down, a little up and down again, and up: that is one.
    assert _counted(_ramps((0, 165), (1, 80), (2, 130), (3, 80), (4, 165), (5, 165)))[1].count == 1


def test_a_pause_at_the_bottom_changes_nothing():
    noise = np.random.default_rng(0).normal(0, 5, 30 * RATE)
    assert _counted(_ramps((0, 165), (2, 98), (25, 98), (27, 165), (30, 165)) + noise)[1].count == 1


def test_who_starts_at_the_bottom_must_come_up_first():
    done, counter = _counted(_ramps((0, 80), (1, 80), (2, 165), (3, 165), (4, 80), (5, 165), (6, 165)))
    assert counter.count == 1
    assert done[0].start == pytest.approx(3.2, abs=0.2)


def test_who_ends_at_the_bottom_has_not_finished():
    _, counter = _counted(_ramps((0, 165), (1, 80), (2, 80)))
    assert (counter.count, counter.phase) == (0, "down")


def test_short_gaps_are_bridged_and_long_ones_are_not():
    angles = THREE.copy()
    angles[60:70] = np.nan
    assert _counted(angles)[1].count == 3
    # Out of sight for 1.5 seconds from the first bottom on: who comes back down has not been seen up.
    angles[60:105] = np.nan
    angles[105:120] = 90
    assert _counted(angles)[1].count == 1


def _lying(elbow: float, *, upright: bool = False) -> Landmarks:
    """Return a stick figure in a push-up, seen from the side, whose elbows have this angle.

    Toes and hands stay where they are, the body is a straight plank; upright, the same plank stands, its arms
    before it.
    """
    arm, plank, hip = 0.28, 1.45, 0.6
    reach = 2 * arm * math.sin(math.radians(elbow / 2))  # from shoulder to wrist
    toes, wrist = np.zeros(2), np.array([1.35, 0.0])
    # The shoulder is where the circles around toes and wrist meet; y points down.
    along = (plank**2 - reach**2 + wrist[0] ** 2) / (2 * wrist[0])
    shoulder = np.array([along, -math.sqrt(plank**2 - along**2)])
    down = (wrist - shoulder) / reach
    bow = math.sqrt(arm**2 - (reach / 2) ** 2)
    joint = (shoulder + wrist) / 2 + bow * np.array([down[1], -down[0]]) * -1
    points = {"shoulder": shoulder, "elbow": joint, "wrist": wrist}
    points |= {"hip": shoulder * hip, "knee": shoulder * 0.3, "ankle": shoulder * 0.05 + toes}
    turn = np.array([[0, 1], [-1, 0]]) if upright else np.eye(2)
    world, score = np.full((1, 33, 3), np.nan, np.float32), np.zeros((1, 33), np.float32)
    for side, depth in (("left", -0.2), ("right", 0.2)):
        for name, at in points.items():
            index = BODY.landmarks.index(f"{side}_{name}")
            world[0, index] = [*(turn @ (at - points["hip"])), depth]
            score[0, index] = 0.9 if side == "left" or name not in ("elbow", "wrist") else 0.2
    xy = np.where(score[..., None] > 0, 300 + 200 * world[..., :2], np.nan).astype(np.float32)
    box = np.concatenate([np.nanmin(xy, axis=1), np.nanmax(xy, axis=1)], axis=1)
    return Landmarks(BODY, xy, box, np.ones(1, np.float32), score=score, presence=score, world=world)


@pytest.mark.parametrize(("upright", "expected"), [(False, 3), (True, 0)])
def test_push_ups_of_a_stick_figure(upright, expected):
    """No clip shows push-ups. The far arm is hidden by the body, as it is from the side."""
    module = _load("count_repetitions")
    exercise = module.EXERCISES["pushup"]
    bends = _ramps(
        (0, 172), (1, 75), (2, 172), (3, 80), (4, 172), (5, 125), (6, 172), (7, 70), (8, 172), (9, 172)
    )
    if not upright:
        measured = [module.joint_angle(_lying(bend), exercise) for bend in bends]
        assert measured == pytest.approx(bends, abs=0.1)
    counter = module.Counter(exercise)
    for index, bend in enumerate(bends):
        counter.add(index / RATE, module.joint_angle(_lying(bend, upright=upright), exercise))
    assert counter.count == expected


def test_posture_of_squats(squats, model):
    lines = _run("posture_check.py", squats, "--model", model).splitlines()
    trunk = [line for line in lines if "trunk lean" in line]
    # She leans forward in each of three squats, for more than a second.
    assert [line.split("lean ")[1].split()[0] for line in trunk] == ["good", "attention"] * 3
    assert all(line.endswith("shoulders above the hips") for line in trunk[1::2])
    since = [float(line.split("since ")[1].split()[0]) for line in trunk[1:]]
    assert since == pytest.approx([1.2, 3.2, 5.8, 8.0, 10.6], abs=0.5)
    assert not [line for line in lines if "attention" in line and "trunk" not in line]


def test_posture_of_a_tilted_photo_is_the_tilt(squats, model, tmp_path):
    with vitruvian.open_source(squats) as source:
        frame = next(iter(source))
    for angle in (-20, 20):
        turn = cv2.getRotationMatrix2D((360, 640), angle, 0.8)
        picture = cv2.warpAffine(frame.pixels, turn, (720, 1280), borderMode=cv2.BORDER_REPLICATE)
        cv2.imwrite(str(tmp_path / "tilted.png"), picture[..., ::-1])
        _, tilt, lean = _run("posture_check.py", tmp_path / "tilted.png", "--model", model).splitlines()
        for line in (tilt, lean):
            assert " attention, " in line
            assert float(line.split(" degrees")[0].split()[-1]) == pytest.approx(20, abs=4)


def test_posture_of_a_rendered_clip(tilting, model):
    lines = _run("posture_check.py", tilting, "--model", model, "--forward-head", 60).splitlines()
    tilt = [line for line in lines if "shoulder tilt" in line]
    assert [line.split("tilt ")[1].split()[0] for line in tilt] == ["good", "attention"]
    assert float(tilt[1].split("since ")[1].split()[0]) == pytest.approx(2, abs=0.3)
    # The networks tell less than it is, since they do not see the hips.
    assert 8 < float(tilt[1].split(" degrees")[0].split()[-1]) < 30
    # It does not last for three seconds.
    longer = _run("posture_check.py", tilting, "--model", model, "--forward-head", 60, "--hold", 3)
    assert "attention" not in longer
    assert tilt[1].endswith("let both shoulders sink to one height")


def test_posture_of_a_photo(astronaut, model):
    lines = _run("posture_check.py", astronaut, "--model", model).splitlines()
    assert len(lines) == 3
    assert "person 0: shoulder tilt good, " in "\n".join(lines)


def _standing(**moved: tuple[float, float, float]) -> Landmarks:
    """Return somebody upright who faces the camera, in metres; x right, y down, z away from the camera."""
    points = {"left_ear": (0.07, -0.7, 0), "right_ear": (-0.07, -0.7, 0)}
    points |= {"left_shoulder": (0.2, -0.5, 0), "right_shoulder": (-0.2, -0.5, 0)}
    points |= {"left_hip": (0.1, 0, 0), "right_hip": (-0.1, 0, 0)} | moved
    world, score = np.zeros((1, 33, 3), np.float32), np.zeros((1, 33), np.float32)
    for name, at in points.items():
        world[0, BODY.landmarks.index(name)], score[0, BODY.landmarks.index(name)] = at, 1
    box = np.array([[0, 0, 9, 9]], np.float32)
    return Landmarks(
        BODY, np.zeros((1, 33, 2), np.float32), box, box[:, 2] / 9, score=score, presence=score, world=world
    )


def test_posture_angles_are_what_they_say():
    posture = _load("posture_check").posture
    assert list(posture(_standing()).values()) == pytest.approx([0, 0, 0], abs=1e-3)
    ahead = _standing(left_ear=(0.07, -0.7, -0.2), right_ear=(-0.07, -0.7, -0.2))
    assert list(posture(ahead).values()) == pytest.approx([45, 0, 0], abs=1e-3)
    tilted = _standing(left_shoulder=(0.2, -0.5 + 0.4 * math.tan(math.radians(10)), 0))
    assert posture(tilted)["shoulder tilt"] == pytest.approx(10, abs=1e-3)
    bent = _standing(left_shoulder=(0.2, -0.5, -0.5), right_shoulder=(-0.2, -0.5, -0.5))
    assert posture(bent)["trunk lean"] == pytest.approx(45, abs=1e-3)
    # A quarter turn about the vertical changes nothing: they look to the left of the picture now.
    turned = ahead.world[..., [2, 1, 0]] * np.array([1, 1, -1], np.float32)
    sideways = Landmarks(
        BODY,
        ahead.xy,
        ahead.box,
        ahead.box_score,
        score=ahead.score,
        presence=ahead.score,
        world=np.ascontiguousarray(turned),
    )
    assert list(posture(sideways).values()) == pytest.approx([45, 0, 0], abs=1e-3)
    # Without hips in sight there is no trunk, and the others are as they were.
    hidden = ahead.score.copy()
    hidden[0, [BODY.landmarks.index(name) for name in ("left_hip", "right_hip")]] = 0.1
    without = Landmarks(
        BODY, ahead.xy, ahead.box, ahead.box_score, score=hidden, presence=ahead.score, world=ahead.world
    )
    assert list(posture(without).values()) == pytest.approx([45, 0, math.nan], abs=1e-3, nan_ok=True)


def test_a_state_must_last_before_it_is_told():
    watch = _load("posture_check").Watch(limit=10, hold=1.0)
    told = {}
    for index in range(100):
        time = index / 10
        degrees = 20 if 2 <= time < 2.8 or time >= 4 else 5  # a glance, then for good
        since = watch.add(time, math.nan if 6 < time < 9 else degrees)
        if since is not None:
            told[time] = (watch.state, since)
    assert told == {1.0: ("good", 0.0), 5.0: ("attention", 4.0)}


@pytest.mark.parametrize("name", ["joint_angles_over_time.py", "count_repetitions.py", "posture_check.py"])
def test_help_teaches_and_errors_are_sentences(name, tmp_path):
    text = _run(name, "--help")
    assert "degrees" in text
    assert "camera" in text
    exercise = ["--exercise", "squat"] if name.startswith("count") else []
    missing = _start(name, tmp_path / "none.mp4", *exercise, "--model", tmp_path / "none.task")
    assert missing.returncode == 1
    assert missing.stderr.startswith("error: ")
    assert missing.stderr.count("\n") == 1


def test_both_searches_are_drawn_side_by_side(full_files, astronaut, tmp_path):
    said = _run("compare_searches.py", astronaut, tmp_path / "both.png", "--plain")
    assert [line.split(" found")[0] for line in said.splitlines()] == ["fast: 1", "thorough: 1"]
    picture = vitruvian.read_image(tmp_path / "both.png").pixels
    assert picture.shape == (512, 2 * 512 + 8, 3)
    for half in (picture[:, :512], picture[:, 520:]):
        assert (half[100:] == 32).mean() > 0.5
        assert (half[100:] != 32).any()


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "compare_searches.py",
        "count_repetitions.py",
        "handpose_script.py",
        "joint_angles.py",
        "joint_angles_over_time.py",
        "mediapipe_hands.py",
        "mediapipe_script.py",
        "posture_check.py",
    }
