"""Crops cut on the device are those that OpenCV cuts (Sapiens specification, section 3.3)."""

import cv2
import numpy as np
import pytest

import vitruvian
from vitruvian import ArrayError, Regions
from vitruvian.models.sapiens import CROP, UdpCrop, View

torch = pytest.importorskip("torch", reason="needs the extra: pip install 'vitruvian[sapiens]'")

from vitruvian.runtimes.torch.crop import cut, read_views  # noqa: E402  # needs torch

NEW_OPENCV = int(cv2.__version__.split(".")[0]) >= 5


def _crops(rng, count, width, height, turn=0.0):
    f32 = np.float32
    centre, size = (
        rng.uniform((0, 0), (width, height), (count, 2)),
        rng.uniform(20, (width, height), (count, 2)),
    )
    rotation, score = np.full(count, turn, f32), np.ones(count, f32)
    return UdpCrop.around(Regions(centre.astype(f32), size.astype(f32), rotation, score))


@pytest.fixture
def photo(astronaut):
    return vitruvian.read_image(astronaut).pixels.copy()  # which may be written to


@pytest.mark.parametrize("turn", [0.0, -np.pi / 2, 0.4])
@pytest.mark.parametrize("factor", [1, 4])
def test_crops_are_opencvs(photo, factor, turn):
    """10.2: one grey level at most in one pixel of a thousand (2 where turned); OpenCV 4 is coarser."""
    picture = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    crops = _crops(np.random.default_rng(1), 4, picture.shape[1], picture.shape[0], turn)
    cuts = cut(torch.from_numpy(picture), crops, CROP)
    assert cuts.dtype == torch.uint8
    assert cuts.shape == (4, 1024, 768, 3)
    for crop, one in zip(crops, cuts.numpy(), strict=True):
        difference = np.abs(crop.warp(picture).astype(int) - one)
        assert difference.max() <= (1 if NEW_OPENCV else 5)
        assert (difference > 0).mean() <= (2e-3 if NEW_OPENCV else 0.25)


def test_sharp_edges_overshoot_neither_white_nor_black():
    picture = np.zeros((40, 30, 3), np.uint8)
    picture[10:30, 10:20] = 255
    (crop,) = UdpCrop.around(Regions(*(np.array(a, np.float32) for a in ([[15, 20]], [[30, 40]], [0], [1]))))
    difference = np.abs(
        cut(torch.from_numpy(picture), [crop], CROP)[0].numpy().astype(int) - crop.warp(picture)
    )
    assert difference.max() <= (1 if NEW_OPENCV else 6)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (50, 1, 3)])
def test_a_picture_may_be_one_pixel_wide(shape):
    picture = np.full(shape, 200, np.uint8)
    (crop,) = UdpCrop.around(Regions(*(np.array(a, np.float32) for a in ([[0, 0]], [[3, 4]], [0], [1]))))
    difference = np.abs(
        cut(torch.from_numpy(picture), [crop], CROP)[0].numpy().astype(int) - crop.warp(picture)
    )
    assert difference.max() <= (1 if NEW_OPENCV else 6)


class Kept:
    """A network that keeps the crops it gets, and answers their mean."""

    device = torch.device("cpu")

    def run_tensor(self, crops):
        self.crops = crops
        mean = crops.float().mean(dim=(1, 2))
        return mean[:, None, :2], mean[:, 2:]


def test_views_of_several_pictures_keep_their_order(photo):
    other = photo[::-1].copy()
    other.flags.writeable = False  # as the pictures of some readers
    crops = _crops(np.random.default_rng(2), 4, 512, 512)
    views = [View(picture, crop) for picture, crop in zip([photo, other, photo, other], crops, strict=True)]
    session = Kept()
    points, scores = read_views(session, views, size=CROP)
    assert points.shape == (4, 1, 2)
    for view, seen, score in zip(views, session.crops, scores, strict=True):
        assert torch.equal(seen, cut(torch.from_numpy(view.pixels.copy()), [view.crop], CROP)[0])
        assert score[0] == pytest.approx(seen[..., 2].float().mean().item(), rel=1e-5)


def test_no_crops_are_none(photo):
    assert cut(torch.from_numpy(photo), [], CROP).shape == (0, 1024, 768, 3)


def test_other_arrays_are_refused():
    with pytest.raises(ArrayError, match="uint8 of shape"):
        cut(torch.zeros(3, 40, 30), [], CROP)
