import numpy as np
import pytest

from vitruvian.errors import OptionError
from vitruvian.options import ACCURACIES, SEARCHES, check_choice, check_number


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int64(1)])
def test_numbers_within_the_range_pass(value):
    check_number("share", value, 0, 1)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), "0.5", None, True, [0.5]])
def test_everything_else_is_refused_by_name_and_range(value):
    with pytest.raises(OptionError, match="share: a number from 0 to 1, got"):
        check_number("share", value, 0, 1)


@pytest.mark.parametrize("value", [0, 1.5, 2.0, "2", True])
def test_whole_numbers(value):
    check_number("count", np.int64(2), 1, whole=True)
    with pytest.raises(OptionError, match="count: a whole number from 1, got"):
        check_number("count", value, 1, whole=True)


@pytest.mark.parametrize("choices", [SEARCHES, ACCURACIES])
def test_each_choice_passes(choices):
    for word in choices:
        check_choice("search", word, choices)


@pytest.mark.parametrize("value", ["", "Fast", "fas", " fast", None, 1, True, ("fast",)])
def test_no_choice_is_refused_with_all_that_there_are(value):
    with pytest.raises(OptionError, match="search: 'auto', 'fast', 'thorough', got ") as caught:
        check_choice("search", value, SEARCHES)
    assert str(caught.value).endswith(repr(value))
