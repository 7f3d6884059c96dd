import numpy as np
import pytest

from vitruvian.models.anchors import anchor_centres


@pytest.fixture(scope="module")
def anchors():
    return anchor_centres(224, strides=(8, 16, 32, 32, 32))


def test_there_are_as_many_as_the_network_has_outputs(anchors):
    assert anchors.shape == (2254, 2)
    assert anchors.dtype == np.float32


@pytest.mark.parametrize(
    ("index", "x", "y"),
    [
        (0, 1 / 56, 1 / 56),
        (1, 1 / 56, 1 / 56),
        (2, 3 / 56, 1 / 56),
        (1568, 1 / 28, 1 / 28),
        (1960, 1 / 14, 1 / 14),
        (1965, 1 / 14, 1 / 14),
        (1966, 3 / 14, 1 / 14),
        (2253, 13 / 14, 13 / 14),
    ],
)
def test_golden_positions(anchors, index, x, y):
    """Pose specification, section 15.3."""
    assert anchors[index] == pytest.approx([x, y], abs=1e-7)
