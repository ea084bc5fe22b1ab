"""What the tissue of a seed looks like and how it moves: relief, breathing, heart, drift, poke."""

import numpy as np

from surg_invnerf.synthetic.sheet import Sheet, gaussian, wave

_TWO_PI = 2 * np.pi


class Tissue:
    """
    A sheet that deforms smoothly in time.

    Every motion is a function of space times a bounded, analytic function of time that is zero
    at t = 0: tissue in frame 0 is at rest, and never wanders off.
    """

    def __init__(self, config, rng):
        self._functions, self._rest, self._motions = [], [], []
        self._affine = self._tilted_plane(config, rng)
        self._add_relief(rng)
        self._add_fold(rng, config.fold)
        factor = config.deformation
        self._add_breathing(rng, factor, config.breathing_s)
        self._add_heart(rng, factor, config.heartbeat_s)
        self._add_drift(rng, factor)
        self._add_poke(rng, factor)
        self._functions = np.array(self._functions)
        self._rest = np.array(self._rest)

    def at(self, time_s):
        """Return the Sheet at a time, in the scene's frame."""
        amplitudes = self._rest.copy()
        for index, vector, course in self._motions:
            amplitudes[index] += np.asarray(vector) * (course(time_s) - course(0.0))
        return Sheet(self._affine.copy(), amplitudes, self._functions)

    def _tilted_plane(self, config, rng):
        """A plane in front of camera 0 (z forward), tilted by some degrees."""
        slope = rng.uniform(-0.17, 0.17, 2)
        return np.array([[0, 1, 0], [0, 0, 1], [config.depth_m, *slope]], float)

    def _add(self, function, rest=(0.0, 0.0, 0.0)):
        self._functions.append(function)
        self._rest.append(np.asarray(rest, float))
        return len(self._functions) - 1

    def _move(self, index, vector, course):
        self._motions.append((index, np.asarray(vector, float), course))

    def _add_relief(self, rng):
        """Bumps towards the camera (negative z) and ripples."""
        for _ in range(4):
            centre = rng.uniform(-0.045, 0.045, 2)
            sigmas = rng.uniform(0.009, 0.018, 2)
            height = rng.uniform(-0.010, 0.006)
            self._add(gaussian(centre, sigmas, rng.uniform(0, np.pi)), (0, 0, height))
        for length in (0.061, 0.037, 0.023, 0.013):
            function = wave(length, rng.uniform(0, _TWO_PI), rng.uniform(0, _TWO_PI))
            self._add(function, (0, 0, 0.022 * length * rng.uniform(0.7, 1.3)))

    def _add_fold(self, rng, factor):
        """A ridge that leans over what lies beside it, more and less as the tissue breathes."""
        angle = rng.uniform(0, np.pi)
        centre = rng.uniform(0.014, 0.026) * _direction(rng.uniform(0, _TWO_PI))
        index = self._add(gaussian(centre, (0.0055, 0.017), angle), (0, 0, -0.0100))
        lean = 0.0062 * factor * _direction(angle)
        self._rest[index][:2] = lean
        self._fold = index, lean

    def _add_breathing(self, rng, factor, period_s):
        """Ventilation lifts and shifts one side of the view more than the other."""
        phase = rng.uniform(0, _TWO_PI)
        course = _sine(period_s, phase)
        push = np.array([*(0.0022 * _direction(rng.uniform(0, _TWO_PI))), 0.0026]) * factor
        centre = 0.035 * _direction(rng.uniform(0, _TWO_PI))
        wide = self._add(gaussian(centre, (0.060, 0.045), rng.uniform(0, np.pi)))
        self._move(wide, push, course)
        index, lean = self._fold
        self._move(index, [*(0.25 * factor * lean), 0.0], course)

    def _add_heart(self, rng, factor, period_s):
        centre = rng.uniform(-0.025, 0.025, 2)
        index = self._add(gaussian(centre, rng.uniform(0.012, 0.018, 2)))
        vector = np.array([*(0.0004 * _direction(rng.uniform(0, _TWO_PI))), -0.0007]) * factor
        self._move(index, vector, _sine(period_s, rng.uniform(0, _TWO_PI)))

    def _add_drift(self, rng, factor):
        """Peristalsis: slow shears of a few millimetres along the surface."""
        for length, period_s in ((0.16, 23.0), (0.095, 13.0)):
            index = self._add(wave(length, rng.uniform(0, _TWO_PI), rng.uniform(0, _TWO_PI)))
            vector = 0.0020 * _direction(rng.uniform(0, _TWO_PI))
            course = _sine(period_s * rng.uniform(0.9, 1.1), rng.uniform(-0.6, 0.6))
            self._move(index, [*(factor * vector), 0.0006 * factor], course)

    def _add_poke(self, rng, factor):
        """Something presses from time to time: a dent that pulls its surroundings in."""
        centre, period_s = rng.uniform(-0.018, 0.018, 2), rng.uniform(4.5, 6.5)
        index = self._add(gaussian(centre, (0.010, 0.008), rng.uniform(0, np.pi)))
        start_s = rng.uniform(0.2, 0.5) * period_s

        def pressed(time_s):
            return np.exp(-8 * np.sin(np.pi * (time_s - start_s) / period_s) ** 2)

        side = 0.0015 * _direction(rng.uniform(0, _TWO_PI))
        self._move(index, factor * np.array([*side, 0.0035]), pressed)


def _direction(angle_rad):
    return np.array([np.cos(angle_rad), np.sin(angle_rad)])


def _sine(period_s, phase_rad):
    return lambda time_s: np.sin(_TWO_PI * time_s / period_s + phase_rad)
