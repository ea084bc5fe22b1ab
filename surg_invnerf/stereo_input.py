"""The two cameras of a stereo endoscope as one input that says when one of them fails."""

import time

from surgical_perception.ros.camera_inputs import CamerasInput

EYES = ('left', 'right')


class StereoInput(CamerasInput):
    """
    `left/` and `right/` `image_rect` with their camera_info, as (images, infos, arrival time).

    An endoscope sends without a pause: what is silent for longer than `silence_s`, while it went
    before, is a fault, unlike with a C-arm.
    """

    def __init__(self, node, mode, tolerance_s, silence_s, on_pair):
        self._mode, self._tolerance_s, self._silence_s = mode, tolerance_s, silence_s
        self._on_pair = on_pair
        self._last_pair_s = time.monotonic()
        super().__init__(node, EYES, mode, tolerance_s, self._receive)

    def _receive(self, images, infos, arrived_s):
        self._last_pair_s = arrived_s
        self._on_pair(images, infos, arrived_s)

    @property
    def silent_s(self):
        """Seconds since the last complete pair, or since the start."""
        return time.monotonic() - self._last_pair_s

    def causes(self):
        """Return why no pair comes, one text per cause; the texts do not change with time."""
        found = [cause for camera in self.cameras for cause in camera.causes()]
        return found or self._stopped()

    def _stopped(self):
        """Say what is wrong although everything has arrived before."""
        if self.silent_s < self._silence_s:
            return []
        now_s = time.monotonic()
        watched = [
            topic
            for camera in self.cameras
            for topic in (camera.topics if self._mode == 'exact' else [camera.image])
        ]
        silent = [topic for topic in watched if now_s - topic.last_s > self._silence_s]
        if len(silent) == len(watched):
            return [f'{", ".join(camera.image.topic for camera in self.cameras)}: all silent']
        if silent:
            return [f'{topic.topic}: silent, while others go on' for topic in silent]
        apart_s = self.pairing.spread_s()
        return [
            f'stamps of left and right do not match (about {apart_s:.1g} s apart): trigger both '
            f'cameras together, or raise input.sync_tolerance_s from {self._tolerance_s:g} s'
        ]
