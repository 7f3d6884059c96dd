"""Steps of a network as they are defined, in plain NumPy."""

import numpy as np

from vitruvian.kernels.steps import Kind, Planes, Step


def calculated(steps: list[Step], pixels: np.ndarray) -> dict[Planes, np.ndarray]:
    """What each step makes of the pixels: channels first, float64."""
    made: dict[Planes | None, np.ndarray] = {}
    for step in steps:
        if step.result is None:
            continue
        seen = made[step.source] if step.source else pixels.transpose(2, 0, 1) * step.scale + step.shift
        numbers = _ACTIONS[step.kind](seen, step)
        assert numbers.shape == step.result.shape
        numbers = _within(_sloped(_with_bias(numbers, step.bias), step.slopes), step.low, step.high)
        if step.added is not None:
            numbers[: step.added.channels] += made[step.added]
        numbers = _within(_sloped(numbers, step.late_slopes), step.late_low, step.late_high)
        made[step.result] = 1 / (1 + np.exp(-numbers)) if step.sigmoid else numbers
    return made


def convolved(
    picture: np.ndarray,
    weights: np.ndarray,
    *,
    stride: int = 1,
    pad: int = 0,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """A convolution; (outputs, 1, k, k) is each channel by itself."""
    kernel = weights.shape[-1]
    height, width = size or picture.shape[1:]
    framed = np.pad(picture.astype(np.float64), ((0, 0), (pad, kernel), (pad, kernel)))
    result = np.zeros((len(weights), height, width))
    for y in range(kernel):
        for x in range(kernel):
            seen = framed[:, y : y + stride * height : stride, x : x + stride * width : stride]
            if weights.shape[1] == 1 and len(picture) > 1:
                result += seen * weights[:, 0, y, x, None, None]
            else:
                result += np.tensordot(weights[:, :, y, x], seen, 1)
    return result


def enlarged(picture: np.ndarray) -> np.ndarray:
    """Twice the size: half-way between places three to one, the edge repeated."""
    for axis in (1, 2):
        framed = np.concatenate([picture.take([0], axis), picture, picture.take([-1], axis)], axis)
        count = picture.shape[axis]
        near = 0.75 * framed.take(range(1, count + 1), axis)
        pairs = [near + 0.25 * framed.take(range(by, count + by), axis) for by in (0, 2)]
        picture = np.stack(pairs, axis + 1).reshape([n * (1 + (i == axis)) for i, n in enumerate(near.shape)])
    return picture


def _convolution(picture: np.ndarray, step: Step) -> np.ndarray:
    return convolved(picture, step.weights, stride=step.stride, pad=step.pad, size=step.result.shape[1:])


def _pooled(picture: np.ndarray, step: Step) -> np.ndarray:
    channels, height, width = step.result.shape
    return picture.reshape(channels, height, 2, width, 2).max((2, 4))


def _sloped(numbers: np.ndarray, slopes: np.ndarray | None) -> np.ndarray:
    return numbers if slopes is None else np.where(numbers < 0, numbers * slopes[:, None, None], numbers)


def _with_bias(numbers: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    return numbers if bias is None else numbers + bias[:, None, None]


def _within(numbers: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip(numbers, low, high)


_ACTIONS = {
    Kind.FIRST: _convolution,
    Kind.DEPTHWISE: _convolution,
    Kind.POINTWISE: _convolution,
    Kind.ENLARGE: lambda picture, _: enlarged(picture),
    Kind.POOL: _pooled,
    Kind.MEAN: lambda picture, _: picture.mean((1, 2), keepdims=True),
    Kind.WHOLE: lambda picture, step: np.tensordot(step.weights, picture, 3)[:, None, None],
}
