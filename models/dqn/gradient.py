"""The gradient of one step of double DQN, in one compiled call.

    y_i = r_i + gamma (1 - terminated_i) Q'(s'_i, argmax_a Q(s'_i, a))
    loss = mean_i w_i m_i huber(Q(s_i, a_i) - y_i)

Q is the learning network, Q' the target; w undoes how rows were drawn, m is how much a row counts of itself.
An episode that was cut short goes on after its end, so only `terminated` stops y at r. (van Hasselt, Guez,
Silver 2016, arXiv:1509.06461; huber with its bend at 1, Mnih et al. 2015.) The networks have some thousands
of parameters: with autograd most of a step would be spent on calls, not on numbers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.candle_series import FloatArray, IntArray
from models.compiled import kernel

Matrix = NDArray[np.float32]
Matrices = tuple[Matrix, ...]


class Experiences(NamedTuple):
    """Columns of a dataset: `series` (setups, features) states, and of each row (n,): the place of its state
    and of the one that follows (-1 for none), action, reward, terminated, how much its loss counts."""

    series: Matrix
    setup: IntArray
    following: IntArray
    action: IntArray
    reward: Matrix
    terminated: Matrix
    scale: Matrix


class Room(NamedTuple):
    """Working memory of a step of n rows, kept from step to step.

    `states` (2n, features): states, then next states; `action`, `reward`, `terminated`, `weight` (n,);
    `first`, `second` (2n, hidden) and `values` (2n, 3) of the learning network; `next_first`, `next_second`
    (n, hidden) and `next_values` (n, 3) of the target; `slope` (n, 3), `second_slope`, `first_slope`
    (n, hidden) derivatives; `error` (n,) Q - y.
    """

    states: Matrix
    action: IntArray
    reward: Matrix
    terminated: Matrix
    weight: Matrix
    first: Matrix
    second: Matrix
    values: Matrix
    next_first: Matrix
    next_second: Matrix
    next_values: Matrix
    slope: Matrix
    second_slope: Matrix
    first_slope: Matrix
    error: Matrix


def new_room(rows: int, features: int, hidden: int, actions: int = 3) -> Room:
    """Room for steps of `rows` rows."""

    def empty(*shape: int) -> Matrix:
        return np.zeros(shape, np.float32)

    return Room(
        states=empty(2 * rows, features),
        action=np.zeros(rows, np.int64),
        reward=empty(rows),
        terminated=empty(rows),
        weight=empty(rows),
        first=empty(2 * rows, hidden),
        second=empty(2 * rows, hidden),
        values=empty(2 * rows, actions),
        next_first=empty(rows, hidden),
        next_second=empty(rows, hidden),
        next_values=empty(rows, actions),
        slope=empty(rows, actions),
        second_slope=empty(rows, hidden),
        first_slope=empty(rows, hidden),
        error=empty(rows),
    )


@kernel
def gather(rows: IntArray, weight: FloatArray, columns: Experiences, room: Room) -> None:
    """Experiences into `room`, `weight` (n,) times how much each counts; zeros where nothing follows."""
    n = len(rows)
    for j in range(n):
        row = rows[j]
        here, then = columns.setup[row], columns.following[row]
        for k in range(columns.series.shape[1]):
            room.states[j, k] = columns.series[here, k]
        if then < 0:
            room.states[n + j, :] = np.float32(0.0)
        else:
            for k in range(columns.series.shape[1]):
                room.states[n + j, k] = columns.series[then, k]
        room.action[j] = columns.action[row]
        room.reward[j] = columns.reward[row]
        room.terminated[j] = columns.terminated[row]
        room.weight[j] = weight[j] * columns.scale[row]


@kernel
def step_gradient(
    rows: IntArray,
    weight: FloatArray,
    columns: Experiences,
    gamma: float,
    largest: float,
    online: Matrices,
    target: Matrices,
    room: Room,
    gradients: Matrices,
    flat: Matrix,
) -> tuple[float, float, float]:
    """`gather`, `td_gradient`, `clip_norm`: (loss, norm before clipping, mean |error|).

    `gradients` are parts of `flat`.
    """
    gather(rows, weight, columns, room)
    loss = td_gradient(gamma, online, target, room, gradients)
    error = 0.0
    for value in room.error:
        error += abs(value)
    return loss, clip_norm(flat, largest), error / len(rows)


@kernel
def forward(states: Matrix, layers: Matrices, first: Matrix, second: Matrix, values: Matrix) -> None:
    """Q of states, with what is needed for its derivative."""
    _rectified(states, layers[0], first)
    _rectified(first, layers[1], second)
    np.dot(second, layers[2][:-1], values)
    for i in range(values.shape[0]):
        for k in range(values.shape[1]):
            values[i, k] += layers[2][-1, k]


@kernel
def _rectified(inputs: Matrix, layer: Matrix, out: Matrix) -> None:
    np.dot(inputs, layer[:-1], out)
    bias = layer[-1]
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            value = out[i, k] + bias[k]
            out[i, k] = value if value > np.float32(0.0) else np.float32(0.0)


@kernel
def td_targets(
    reward: Matrix, terminated: Matrix, online: Matrix, target: Matrix, gamma: float, y: Matrix
) -> None:
    """y (n,) from the Q of both networks in the next states, (n, actions) each."""
    for i in range(len(y)):
        best = 0
        for k in range(1, online.shape[1]):
            if online[i, k] > online[i, best]:
                best = k
        left = np.float32(1.0) - terminated[i]
        y[i] = reward[i] + np.float32(gamma) * left * target[i, best]


@kernel
def td_gradient(gamma: float, online: Matrices, target: Matrices, room: Room, gradients: Matrices) -> float:
    """Fill `gradients` (one a layer, as the layers) and `room.error` from what `room` holds; the loss."""
    action, weight = room.action, room.weight
    n = len(action)
    forward(room.states, online, room.first, room.second, room.values)
    forward(room.states[n:], target, room.next_first, room.next_second, room.next_values)
    error = room.error
    td_targets(room.reward, room.terminated, room.values[n:], room.next_values, gamma, error)
    loss = 0.0
    room.slope[:, :] = np.float32(0.0)
    for i in range(n):
        error[i] = room.values[i, action[i]] - error[i]
        size = abs(error[i])
        loss += weight[i] * (0.5 * size * size if size <= 1.0 else size - 0.5)
        bounded = min(np.float32(1.0), max(np.float32(-1.0), error[i]))
        room.slope[i, action[i]] = bounded * weight[i] / np.float32(n)
    _backward(room, online, gradients, n)
    return loss / n


@kernel
def _backward(room: Room, layers: Matrices, gradients: Matrices, n: int) -> None:
    second, first, states = room.second[:n], room.first[:n], room.states[:n]
    _layer_gradient(second, room.slope, gradients[2])
    np.dot(room.slope, layers[2][:-1].T, room.second_slope)
    _where_active(room.second_slope, second)
    _layer_gradient(first, room.second_slope, gradients[1])
    np.dot(room.second_slope, layers[1][:-1].T, room.first_slope)
    _where_active(room.first_slope, first)
    _layer_gradient(states, room.first_slope, gradients[0])


@kernel
def _layer_gradient(inputs: Matrix, slope: Matrix, gradient: Matrix) -> None:
    np.dot(inputs.T, slope, gradient[:-1])
    bias = gradient[-1]
    bias[:] = np.float32(0.0)
    for i in range(slope.shape[0]):
        for k in range(slope.shape[1]):
            bias[k] += slope[i, k]


@kernel
def _where_active(slope: Matrix, activation: Matrix) -> None:
    for i in range(slope.shape[0]):
        for k in range(slope.shape[1]):
            if activation[i, k] <= np.float32(0.0):
                slope[i, k] = np.float32(0.0)


@kernel
def clip_norm(flat: Matrix, largest: float) -> float:
    """Scale a gradient down to a norm of `largest` where it is above; the norm before, NaN as it is."""
    total = 0.0
    for value in flat:
        total += float(value) * float(value)
    norm = math.sqrt(total)
    if norm > largest:
        factor = np.float32(largest / norm)
        for k in range(len(flat)):
            flat[k] *= factor
    return norm
