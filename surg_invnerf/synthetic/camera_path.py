"""How the scope moves: about its port in the abdominal wall, as an endoscope can."""

import numpy as np

from surgical_perception.geometry import se3

# From the port to the lens.
_PORT_M = 0.16
# Half widths: sideways tilt, roll and insertion.
_TILT_RAD, _ROLL_RAD, _INSERTION_M = 0.033, 0.04, 0.006


class CameraPath:
    """Smooth, bounded poses: identity at t = 0, then sums of slow sines."""

    def __init__(self, config, rng):
        angle = rng.uniform(0, 2 * np.pi)
        across = rng.choice([-1.0, 1.0]) * 0.30
        tilt = _TILT_RAD * rng.uniform(0.9, 1.1) * config.camera_motion
        roll, insertion = _ROLL_RAD * config.camera_motion, _INSERTION_M * config.camera_motion
        # Components of the twist about the port: turn about x, y and z, and insertion.
        self._sines = (
            (3, tilt * np.sin(angle), *self._slow(rng, 9.5)),
            (4, tilt * np.cos(angle), *self._slow(rng, 9.5)),
            (3, across * tilt * np.cos(angle), *self._slow(rng, 5.0)),
            (4, -across * tilt * np.sin(angle), *self._slow(rng, 5.0)),
            (5, roll * rng.uniform(-1, 1), *self._slow(rng, 7.0)),
            (2, insertion * rng.uniform(-1, 1), *self._slow(rng, 6.0)),
        )

    def scene_from_camera(self, time_s):
        """Return the pose [4, 4] (m) of the left camera in the frame that it had at t = 0."""
        twist = np.zeros(6)
        for component, amplitude, period_s, phase in self._sines:
            angle = 2 * np.pi * time_s / period_s + phase
            twist[component] += amplitude * (np.sin(angle) - np.sin(phase))
        return se3.perturb(twist, np.eye(4), np.array([0, 0, -_PORT_M]))

    def _slow(self, rng, period_s):
        """Return a period (s) and a phase at which the motion is under way."""
        return period_s * rng.uniform(0.92, 1.08), rng.uniform(-0.45, -0.05)
