"""Images with their camera_info, from one camera or from several at once."""

import time

from sensor_msgs.msg import CameraInfo, Image

from surgical_perception.ros.camera_pairing import ShotPairing
from surgical_perception.ros.inputs import InputTopic


class CameraInput:
    """The two subscriptions `image_rect` and `camera_info` of one camera, and its pairing."""

    def __init__(self, node, prefix, pairing):
        self._pairing = pairing
        self.image = InputTopic(node, Image, f'{prefix}image_rect', pairing.add_image)
        self.info = InputTopic(node, CameraInfo, f'{prefix}camera_info', pairing.add_info)

    @property
    def topics(self):
        """The two InputTopics."""
        return self.image, self.info

    def causes(self):
        """Return why no pair comes, one text per cause."""
        found = [cause for topic in self.topics if (cause := topic.cause())]
        apart_s = self._pairing.mismatch_s()
        if not found and apart_s is not None:
            found.append(
                f'{self.image.topic} and {self.info.topic}: stamps never match (the newest are '
                f'{apart_s:.3g} s apart): stamp both alike, or set camera_info_mode to latest'
            )
        return found


class CamerasInput:
    """
    One shot from all views: hands over (images, infos, arrival time on the steady clock).

    A single view subscribes to `image_rect` and `camera_info`, several to those below their names;
    their stamps may differ by `tolerance_s`.
    """

    def __init__(self, node, views, mode, tolerance_s, on_shot):
        self._views = views
        self.pairing = ShotPairing(
            views, mode, tolerance_s, lambda *shot: on_shot(*shot, time.monotonic())
        )
        self.cameras = [
            CameraInput(node, f'{view}/' if len(views) > 1 else '', pairing)
            for view, pairing in zip(views, self.pairing.cameras, strict=True)
        ]

    @property
    def topics(self):
        """All InputTopics."""
        return [topic for camera in self.cameras for topic in camera.topics]

    def causes(self):
        """Return why no shot comes, one text per cause."""
        found = [cause for camera in self.cameras for cause in camera.causes()]
        apart_s = self.pairing.mismatch_s()
        if not found and apart_s is not None:
            found.append(
                f'views {", ".join(self._views)}: stamps never match (the newest are '
                f'{apart_s:.3g} s apart): raise input.sync_tolerance_s'
            )
        return found

    def clear(self):
        """Drop what waits, as after a clock jump."""
        self.pairing.clear()

    def destroy(self):
        """End all subscriptions."""
        for topic in self.topics:
            topic.destroy()

    def counts(self):
        """Return arrivals by topic and drops, for diagnostics."""
        return {topic.topic: topic.count for topic in self.topics} | {
            'unmatched': self.pairing.dropped
        }
