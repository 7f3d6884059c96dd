import cv2
import numpy as np
import pytest

import vitruvian
from vitruvian import ArrayError, Crop, Landmarks, Mask, OptionError, Skeleton, Style, draw_landmarks

BODY = Skeleton.named("body33")
F32 = np.float32


def _standing(score: float = 1.0, *, at: tuple[float, float] = (100, 30), masks: bool = False) -> Landmarks:
    """Left side on the picture's right, as somebody who faces us."""
    rows = {"shoulder": 40, "elbow": 70, "wrist": 95, "hip": 100, "knee": 150, "ankle": 195, "heel": 200}
    xy = np.zeros((33, 2), F32)
    for i, name in enumerate(BODY.landmarks):
        side = 25 if name.startswith("left") else -25 if name.startswith("right") else 0
        xy[i] = (at[0] + side, at[1] + next((y for part, y in rows.items() if part in name), 10))
    box = np.array([[*xy.min(axis=0), *xy.max(axis=0)]], F32)
    mask = (Mask(np.ones((8, 8), F32), Crop(*at, 40, 40, 0, (8, 8))),) if masks else None
    return Landmarks(BODY, xy[None], box, np.ones(1, F32), score=np.full((1, 33), score, F32), mask=mask)


@pytest.fixture(params=[0, 128, 255], ids=["dark", "grey", "bright"])
def ground(request):
    return np.full((260, 200, 3), request.param, np.uint8)


def test_the_picture_that_comes_in_stays_as_it_is(ground):
    before = ground.copy()
    picture = draw_landmarks(ground, _standing())
    assert (ground == before).all()
    assert picture.shape == ground.shape
    assert picture.dtype == np.uint8


def test_sides_have_their_colours_on_any_ground(ground):
    style = Style()
    picture = draw_landmarks(ground, _standing(), style)
    left_shin, right_shin = picture[205, 125], picture[205, 75]
    assert left_shin == pytest.approx(style.left, abs=8)
    assert right_shin == pytest.approx(style.right, abs=8)


def test_there_is_an_outline_of_the_other_brightness(ground):
    picture = draw_landmarks(ground, _standing()).astype(int)
    row = picture[205, 110:140].sum(axis=1)
    assert row.max() - row.min() > 250


def test_uncertain_points_are_fainter(ground):
    sure = np.abs(draw_landmarks(ground, _standing(0.9)).astype(int) - ground).sum()
    unsure = np.abs(draw_landmarks(ground, _standing(0.1)).astype(int) - ground).sum()
    assert 0 < unsure < 0.6 * sure


def test_unknown_points_are_left_out(ground):
    person = _standing()
    xy = person.xy.copy()
    xy[0, :] = np.nan
    nobody_seen = Landmarks(BODY, xy, person.box, person.box_score, score=person.score)
    assert (draw_landmarks(ground, nobody_seen) == ground).all()


def test_points_far_outside_do_no_harm(ground):
    far = _standing(at=(1e9, -1e9))
    assert (draw_landmarks(ground, far) == ground).all()


def test_nobody_changes_nothing(ground):
    assert (draw_landmarks(ground, _standing()[:0]) == ground).all()


def test_masks_tint_the_person(ground):
    plain, tinted = draw_landmarks(ground, _standing()), draw_landmarks(ground, _standing(masks=True))
    changed = (plain != tinted).any(axis=2)
    assert 1000 < changed.sum() <= 42 * 42


@pytest.mark.parametrize("turn", [0.0, 0.7, -2.5])
@pytest.mark.parametrize("at", [(100, 100), (5, 250)])
def test_a_mask_is_blended_as_over_the_whole_picture(ground, turn, at):
    values = np.random.default_rng(4).random((8, 8), F32)
    mask = Mask(values, Crop(*map(float, at), 120, 90, turn, (256, 256)))
    person = _standing()
    nowhere = np.full_like(person.xy, np.nan)
    masked = Landmarks(BODY, nowhere, person.box, person.box_score, mask=(mask,))
    share = mask.image(200, 260)[..., None] * Style().mask
    colour = (86, 180, 233)
    expected = np.rint(ground + (np.array(colour) - ground) * share)
    assert np.abs(draw_landmarks(ground, masked) - expected).max() <= 1


def test_limbs_grow_with_the_picture():
    small, large = (draw_landmarks(np.zeros((s, s, 3), np.uint8), _scaled(s)) for s in (200, 800))
    # Four times as long, and clearly wider (a small picture's limbs have at least a pixel).
    assert large.any(axis=2).sum() / small.any(axis=2).sum() > 6


def _scaled(side: int) -> Landmarks:
    person = _standing(at=(100, -10))
    scale = F32(side / 200)
    return Landmarks(BODY, person.xy * scale, person.box * scale, person.box_score)


@pytest.mark.parametrize("shape", [(9, 9), (9, 9, 4)])
def test_other_pixels_are_refused(shape):
    with pytest.raises(ArrayError, match="pixels"):
        draw_landmarks(np.zeros(shape, np.uint8), _standing())


def test_fractions_outside_their_range_are_refused():
    with pytest.raises(OptionError, match="faint"):
        Style(faint=2)


def test_a_number_stands_over_the_head_and_keeps_its_colour(ground):
    person = _standing(at=(100, 60))
    plain = draw_landmarks(ground, person)
    colours = []
    for numbers in ((7,), (3, 7)):
        people = [person] * len(numbers)
        numbered = Landmarks(
            BODY,
            np.concatenate([one.xy for one in people]),
            np.concatenate([one.box for one in people]),
            np.ones(len(people), F32),
            score=np.ones((len(people), 33), F32),
            track_id=np.array(numbers, np.int64),
        )
        changed = (draw_landmarks(ground, numbered[-1:]) != plain).any(axis=2)
        rows, columns = np.nonzero(changed)
        assert rows.max() < 75
        assert 80 < columns.min() <= columns.max() < 120
        colours.append(draw_landmarks(ground, numbered[-1:])[changed])
    assert (colours[0] == colours[1]).all()


@pytest.mark.parametrize("at", [(100, -12), (5, 30), (1e9, -1e9), (195, 250)])
def test_a_number_at_the_picture_s_edge_does_no_harm(ground, at):
    person = _standing(at=at)
    numbered = Landmarks(BODY, person.xy, person.box, person.box_score, track_id=np.array([123], np.int64))
    assert draw_landmarks(ground, numbered).shape == ground.shape


HAND, WHOLE = Skeleton.named("hand21"), Skeleton.named("body75")
FINGERS = ("thumb", "index_finger", "middle_finger", "ring_finger", "pinky")


def _hand(*, at: tuple[float, float] = (100, 220), size: float = 160, **columns) -> Landmarks:
    """An open hand, fingers up, wrist at ``at``: finger i goes up a column of its own."""
    xy = np.zeros((21, 2), F32)
    for i in range(5):
        for joint in range(4):
            xy[1 + 4 * i + joint] = (i / 4 - 0.5) * 0.8, -0.4 - 0.2 * joint
    xy = xy * F32(size) + np.array(at, F32)
    box = np.array([[*xy.min(axis=0), *xy.max(axis=0)]], F32)
    return Landmarks(HAND, xy[None], box, np.ones(1, F32), **columns)


def _label(ground, hand: Landmarks) -> np.ndarray:
    """Where the label changes the picture."""
    plain = Landmarks(HAND, hand.xy, hand.box, hand.box_score)
    return (draw_landmarks(ground, hand) != draw_landmarks(ground, plain)).any(axis=2)


def test_fingers_have_their_colours_and_the_palm_none(ground):
    style = Style(width=0.02)
    picture = draw_landmarks(ground, _hand(), style)
    for i in range(5):
        x, y = (_hand().xy[0, 2 + 4 * i] + _hand().xy[0, 3 + 4 * i]) / 2
        assert picture[round(float(y)), round(float(x))] == pytest.approx(style.fingers[i], abs=8)
    x, y = (_hand().xy[0, 0] + _hand().xy[0, 17]) / 2  # wrist to little finger
    assert picture[round(float(y)), round(float(x))] == pytest.approx(style.middle, abs=8)


# How the colour-blind see linear RGB: without cones for long, middle, short waves (Machado et al., 2009).
SIGHTS = {
    "everybody": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip


@pytest.mark.parametrize("sight", SIGHTS)
def test_everybody_tells_fingers_and_palm_apart(sight):
    srgb = np.array([*Style().fingers, Style().middle]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = (linear @ np.array(SIGHTS[sight]).T).clip(0, 1).astype(F32)
    shown = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = cv2.cvtColor(shown[None].astype(F32), cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(lab[:, None] - lab, axis=2)[np.triu_indices(6, 1)]
    assert distances.min() > 30  # one can be told from another at about 2


def test_the_side_stands_behind_the_wrist(ground):
    changed = {}
    for right in (0.1, 0.9):
        rows, columns = np.nonzero(_label(ground, _hand(handedness=np.array([right], F32))))
        assert rows.min() > 215
        assert abs((columns.min() + columns.max()) / 2 - 100) < 8
        changed[right] = columns.max() - columns.min()
    assert changed[0.9] > changed[0.1]  # "right" is longer than "left"


def test_the_side_comes_with_the_number_and_its_colour(ground):
    sided = _hand(handedness=np.array([0.9], F32))
    numbered = _hand(handedness=np.array([0.9], F32), track_id=np.array([3], np.int64))
    assert _label(ground, numbered).sum() > _label(ground, sided).sum()
    pixels = draw_landmarks(ground, numbered)[_label(ground, numbered)]
    assert (np.abs(pixels.astype(int) - (204, 121, 167)).max(axis=1) < 8).any()


def test_a_side_that_nobody_knows_is_not_said(ground):
    assert not _label(ground, _hand(handedness=np.array([np.nan], F32))).any()


@pytest.mark.parametrize("at", [(100, 258), (100, 170), (40, 220), (195, 220)])
def test_the_label_stays_in_the_picture_with_the_hand(at):
    ground = np.zeros((260, 200, 3), np.uint8)
    hand = _hand(at=at, size=60, handedness=np.array([0.9], F32))
    large = np.zeros((460, 600, 3), np.uint8)
    moved = _hand(at=(300, 250), size=60, handedness=np.array([0.9], F32))
    # Nothing is cut off, though some of it may be black on black.
    assert _label(ground, hand).sum() > 0.7 * _label(large, moved).sum()


@pytest.mark.parametrize("at", [(1e9, -1e9), (-50, 130), (3, 3), (199, 259)])
def test_a_hand_at_the_edge_or_far_out_does_no_harm(ground, at):
    hand = _hand(at=at, handedness=np.array([0.9], F32), track_id=np.array([12], np.int64))
    assert draw_landmarks(ground, hand).shape == ground.shape


def test_points_without_a_score_are_not_faint(ground):
    bare = _hand()
    unknown = _hand(score=np.full((1, 21), np.nan, F32))
    assert (draw_landmarks(ground, unknown) == draw_landmarks(ground, bare)).all()


def test_limbs_of_a_small_hand_are_thin():
    ground = np.zeros((1000, 1000, 3), np.uint8)
    areas = [
        draw_landmarks(ground, _hand(at=(500, 800), size=size)).any(axis=2).sum() / size
        for size in (60, 120, 400)
    ]
    assert areas[0] < areas[1] < areas[2]


def _whole(*, left: bool = True, box: bool = True) -> Landmarks:
    """A standing person with hands where the wrists are."""
    body = _standing(at=(100, 30))
    xy = np.full((75, 2), np.nan, F32)
    xy[:33] = body.xy[0]
    xy[17] = 170, 125
    xy[54:] = _hand(at=tuple(body.xy[0, 16]), size=20).xy[0]
    if left:
        xy[33:54] = _hand(at=tuple(body.xy[0, 15]), size=20).xy[0]
    score = np.full((1, 75), np.nan, F32)
    score[:, :33] = 1
    bounds = body.box if box else np.full_like(body.box, np.nan)
    return Landmarks(WHOLE, xy[None], bounds, np.ones(1, F32), score=score, track_id=np.array([1], np.int64))


def test_a_person_with_hands_has_both_kinds_of_colours(ground):
    style = Style()
    picture = draw_landmarks(ground, _whole(), style)
    for colour in (style.left, style.right, *style.fingers):
        near = np.abs(picture.astype(int) - colour).max(axis=2) < 40
        assert near.sum() > 3, colour


def test_a_hand_that_is_unknown_is_left_out_and_the_body_s_fingers_stand_in(ground):
    one, both = draw_landmarks(ground, _whole(left=False)), draw_landmarks(ground, _whole())
    changed = np.nonzero((one != both).any(axis=2))
    assert changed[1].min() > 100  # the left hand is on the picture's right
    y, x = 125, 170  # the body's little finger, which nobody sees beside a hand
    assert (one[y, x] != ground[y, x]).any()
    assert (both[y, x] == ground[y, x]).all()


def test_unknown_boxes_and_points_do_no_harm(ground):
    assert (draw_landmarks(ground, _whole(box=False)) != ground).any()
    nowhere = _whole()
    nowhere.xy[:] = np.nan
    assert (draw_landmarks(ground, nowhere) == ground).all()


def test_real_hands_are_drawn_where_they_are(hands_full, hand_photos):
    frame = vitruvian.read_image(hand_photos / "none_00c84257.jpg")
    hands = hands_full.estimate(frame)
    changed = (draw_landmarks(frame.pixels, hands) != frame.pixels).any(axis=2)
    for hand in hands:
        x0, y0, x1, y1 = hand.box[0].astype(int).tolist()
        inside = changed[y0:y1, x0:x1]
        assert 0.2 < inside.mean() < 0.9  # drawn, and the hand can still be seen
    assert changed.mean() < 0.05


MANY = Skeleton.named("sapiens308")


def _many(*, scale: float = 1.0, score: float = 1.0) -> Landmarks:
    """Somebody with 308 points who faces us: a face of 120 x 160, hands of 80, from head to toe 700."""
    xy = np.full((308, 2), np.nan, F32)
    rows = {"shoulder": 200, "elbow": 300, "hip": 420, "knee": 560, "ankle": 700, "heel": 710, "toe": 720}
    for i, name in enumerate(MANY.landmarks):
        side = 60 if name.startswith("left") else -60
        xy[i] = (200 + side, next((y for part, y in rows.items() if part in name), 190))
    for i, at in enumerate([(200, 90), (230, 70), (170, 70), (260, 80), (140, 80)]):
        xy[i] = at
    for part in [part for part in MANY.parts if set(MANY.parts[part]) < set(MANY.parts["face"])]:
        points = list(MANY.parts[part])
        turn = np.linspace(0, 2 * np.pi, len(points), endpoint=False)
        side = 30 if part.startswith("left") else -30 if part.startswith("right") else 0
        size = 3 if "pupil" in part else 6 if "iris" in part else 16
        at = (200 + side, 130 if "lip" in part else 100 if "nose" in part else 70)
        xy[points] = np.stack([at[0] + size * np.cos(turn), at[1] + size * np.sin(turn)], axis=1)
    for side, x in (("left", 290), ("right", 110)):
        points = list(MANY.parts[f"{side}_hand"])
        xy[points] = _hand(at=(x, 440), size=80).xy[0]
    xy *= F32(scale)
    box = np.array([[*xy.min(axis=0), *xy.max(axis=0)]], F32)
    return Landmarks(MANY, xy[None], box, np.ones(1, F32), score=np.full((1, 308), score, F32))


@pytest.fixture
def wall():
    return np.full((760, 400, 3), 128, np.uint8)


def _painted(before, after) -> np.ndarray:
    return (before != after).any(axis=2)


def test_308_points_keep_their_colours_and_the_face_can_still_be_seen(wall):
    style = Style()
    picture = draw_landmarks(wall, _many(), style)
    for colour in (style.left, style.right, style.middle, *style.fingers):
        assert (np.abs(picture.astype(int) - colour).max(axis=2) < 40).sum() > 20, colour
    painted = _painted(wall, picture)
    assert 0.1 < painted[50:150, 140:260].mean() < 0.5
    x, y = _many().xy[0, MANY.landmarks.index("left_ankle")].tolist()
    assert picture[round(y), round(x)] == pytest.approx(style.left, abs=8)


@pytest.mark.parametrize("scale", [0.25, 0.5])
def test_a_small_face_is_no_blot(wall, scale):
    picture = draw_landmarks(wall, _many(scale=scale), Style(thickness=2, radius=3))
    lips = np.s_[round(114 * scale) : round(147 * scale), round(184 * scale) : round(217 * scale)]
    assert 0 < _painted(wall, picture)[lips].mean() < 0.9


def test_radius_and_thickness_are_pixels(wall):
    person = _many()
    areas = []
    for thickness, radius in ((2, 3), (2, 9), (9, 9)):
        picture = draw_landmarks(wall, person, Style(thickness=thickness, radius=radius, faint=0))
        row = np.flatnonzero((np.abs(picture[600].astype(int) - Style().left) < 8).all(axis=1))
        assert len(row) == pytest.approx(thickness, abs=2)  # a limb that stands, below the knee
        x, y = np.rint(person.xy[0, MANY.landmarks.index("left_heel")]).astype(int)
        column = picture[y - 30 : y + 30, x]
        areas.append((np.abs(column.astype(int) - Style().left) < 8).all(axis=1).sum())
    assert areas[0] < areas[1]
    alone = np.full_like(person.xy, np.nan)
    alone[0, 69] = 200, 300  # the neck, of which no limb goes out
    neck = Landmarks(MANY, alone, person.box, person.box_score)
    for radius in (3, 9):
        picture = draw_landmarks(wall, neck, Style(thickness=2, radius=radius))
        assert (picture[300] == Style().middle).all(axis=1).sum() == pytest.approx(2 * radius + 1, abs=1)


@pytest.mark.parametrize(("name", "value"), [("radius", 0), ("thickness", 0.5), ("radius", float("nan"))])
def test_what_nobody_could_see_is_refused(name, value):
    with pytest.raises(OptionError, match=name):
        Style(**{name: value})


def test_what_is_not_faint_is_not_drawn(wall):
    assert (draw_landmarks(wall, _many(score=0.2), Style(min_score=0.3, faint=0)) == wall).all()
    assert _painted(wall, draw_landmarks(wall, _many(score=0.3), Style(min_score=0.3, faint=0))).any()
    assert _painted(wall, draw_landmarks(wall, _many(score=0.2), Style(min_score=0.3))).any()


def test_pixels_are_counted_as_the_skeleton_says(wall):
    """The middle of pixel 200 is 200 for one original, 200.5 for the other."""
    for skeleton, middle in ((MANY, 200.0), (BODY, 200.5)):
        xy = np.full((1, len(skeleton), 2), np.nan, F32)
        xy[0, 6] = middle
        person = Landmarks(skeleton, xy, np.array([[0, 0, 400, 760]], F32), np.ones(1, F32))
        rows, columns = np.nonzero(_painted(wall, draw_landmarks(wall, person)))
        assert (rows.min() + rows.max(), columns.min() + columns.max()) == (400, 400)


def test_308_points_far_outside_or_in_one_place_do_no_harm(wall):
    person = _many()
    for xy in (np.full_like(person.xy, 1e9), np.zeros_like(person.xy), np.full_like(person.xy, np.nan)):
        same = Landmarks(MANY, xy, person.box, person.box_score, score=person.score)
        assert draw_landmarks(wall, same).shape == wall.shape


def test_308_points_as_133_look_alike(wall):
    picture = draw_landmarks(wall, vitruvian.convert(_many(), "coco133"))
    whole = draw_landmarks(wall, _many())
    assert 0.5 < _painted(wall, picture).sum() / _painted(wall, whole).sum() < 1.5
