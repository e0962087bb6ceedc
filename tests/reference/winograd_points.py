#!/usr/bin/env python3
"""What 3x3 windows over squares of 4x4 cost in precision, by the points of the transforms.

    pip install numpy
    python tests/reference/winograd_points.py

Prints the root mean square of the error in float32, and its ratio to that of the direct sum, over 64 squares of 256
channels, half of them zero as after a ReLU. The points are 0, ±a, ±b and infinity.
"""
import numpy as np

CHANNELS, OUTPUTS, SQUARES = 256, 64, 64
POINTS = [(1, 2), (1, 1 / 2), (2**-0.5, 2**0.5), (2 / 3, 3 / 2), (3 / 4, 3 / 2), (1 / 2, 3 / 2)]


def transforms(a, b):
    """Of the input, the weights and the output: interpolation at 0, ±a, ±b and infinity."""
    aa, bb = a * a, b * b
    inputs = [
        [aa * bb, 0, -(aa + bb), 0, 1, 0],
        [0, -a * bb, -bb, a, 1, 0],
        [0, a * bb, -bb, -a, 1, 0],
        [0, -b * aa, -aa, b, 1, 0],
        [0, b * aa, -aa, -b, 1, 0],
        [0, aa * bb, 0, -(aa + bb), 0, 1],
    ]
    zero, at_a, at_b = aa * bb, 2 * aa * (aa - bb), 2 * bb * (bb - aa)
    weights = [[1 / zero, 0, 0]]
    for point, scale in ((a, at_a), (-a, at_a), (b, at_b), (-b, at_b)):
        weights.append([1 / scale, point / scale, point * point / scale])
    weights.append([0, 0, 1])
    outputs = [[float(row == 0), a**row, (-a) ** row, b**row, (-b) ** row, float(row == 3)] for row in range(4)]
    return np.array(inputs), np.array(weights), np.array(outputs)


def main():
    random = np.random.default_rng(0)
    x = np.abs(random.standard_normal((SQUARES, CHANNELS, 6, 6))) * (random.random((SQUARES, CHANNELS, 6, 6)) > 0.5)
    w = random.standard_normal((OUTPUTS, CHANNELS, 3, 3)) / np.sqrt(9 * CHANNELS)
    x, w = x.astype(np.float32), w.astype(np.float32)

    def direct(dtype):
        sums = np.zeros((SQUARES, OUTPUTS, 4, 4), dtype)
        for channel in range(CHANNELS):
            for i in range(3):
                for j in range(3):
                    part = x[:, None, channel, i : i + 4, j : j + 4].astype(dtype)
                    sums += part * w[None, :, channel, i, j, None, None].astype(dtype)
        return sums

    exact = direct(np.float64)
    error = lambda found: np.sqrt(((found - exact) ** 2).mean())
    base = error(direct(np.float32))
    print(f"{'points':<16} {'error':>9} {'ratio':>6}")
    print(f"{'direct sum':<16} {base:>9.2e} {1:>6.2f}")
    for a, b in POINTS:
        inputs, weights, outputs = transforms(a, b)
        values = inputs.astype(np.float32) @ x @ inputs.T.astype(np.float32)
        # Weights are transformed once, in double precision.
        packed = (weights @ w.astype(np.float64) @ weights.T).astype(np.float32)
        products = np.zeros((SQUARES, OUTPUTS, 6, 6), np.float32)
        for channel in range(CHANNELS):
            products += values[:, None, channel] * packed[None, :, channel]
        found = error(outputs.astype(np.float32) @ products @ outputs.T.astype(np.float32))
        print(f"{f'{a:.3f}, {b:.3f}':<16} {found:>9.2e} {found / base:>6.2f}")


if __name__ == "__main__":
    main()
