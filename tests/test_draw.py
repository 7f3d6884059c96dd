import numpy as np
import pytest

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
