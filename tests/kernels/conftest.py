"""What tests of the kernels share."""

import pytest


@pytest.fixture(autouse=True)
def same_numbers(request):
    """Random numbers are the same for each test of a module, whatever ran before, in whichever process."""
    numbers = getattr(request.module, "NUMBERS", None)
    if numbers is None:
        yield
        return
    before = numbers.bit_generator.state
    yield
    numbers.bit_generator.state = before
