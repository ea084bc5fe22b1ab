"""Images with their camera_info, from one camera or from several at once."""

import time

from sensor_msgs.msg import CameraInfo, Image

from surgical_perception.ros import stamps
from surgical_perception.ros.inputs import InputTopic
from surgical_perception.ros.synchroniser import Synchroniser


class CameraInput:
    """
    Pairs `image_rect` and `camera_info` of one camera and hands over (image, info).

    mode 'exact': equal stamps; 'latest': the last camera_info serves, for cameras that send it
    once, and an image that comes before it waits.
    """

    def __init__(self, node, prefix, mode, on_pair):
        self._on_pair = on_pair
        self._exact = Synchroniser(('image', 'info')) if mode == 'exact' else None
        self._info = self._image = None
        self.image = InputTopic(node, Image, f'{prefix}image_rect', self._on_image)
        self.info = InputTopic(node, CameraInfo, f'{prefix}camera_info', self._on_info)

    @property
    def topics(self):
        """The two InputTopics."""
        return self.image, self.info

    def _on_image(self, image):
        if self._exact:
            self._match('image', image)
        elif self._info:
            self._on_pair(image, self._info)
        else:
            self._image = image

    def _on_info(self, info):
        if self._exact:
            self._match('info', info)
            return
        self._info = info
        if self._image:
            image, self._image = self._image, None
            self._on_pair(image, info)

    def _match(self, which, message):
        pair = self._exact.add(which, stamps.to_ns(message.header.stamp), message)
        if pair:
            self._on_pair(*pair)

    def clear(self):
        """Drop what waits."""
        self._image = None
        if self._exact:
            self._exact.clear()

    def causes(self):
        """Return why no pair comes, one text per cause."""
        found = [cause for topic in self.topics if (cause := topic.cause())]
        if not found and self._exact and not self._exact.matched:
            apart_s = (self._exact.newest_spread_ns() or 0) / stamps.NS_PER_S
            found.append(
                f'{self.image.topic} and {self.info.topic}: stamps never match (the newest are '
                f'{apart_s:.3g} s apart): stamp both alike, or set camera_info_mode to latest'
            )
        return found

    @property
    def dropped(self):
        """Number of messages without a partner."""
        return sum(self._exact.dropped.values()) if self._exact else 0


class CamerasInput:
    """
    One shot from all views: hands over (images, infos, arrival time on the steady clock).

    A single view subscribes to `image_rect` and `camera_info`, several to those below their names;
    their stamps may differ by `tolerance_s`.
    """

    def __init__(self, node, views, mode, tolerance_s, on_shot):
        self._on_shot = on_shot
        self._together = Synchroniser(views, int(tolerance_s * stamps.NS_PER_S))
        self.cameras = [
            CameraInput(node, f'{view}/' if len(views) > 1 else '', mode, self._receiver(view))
            for view in views
        ]

    def _receiver(self, view):
        def receive(image, info):
            stamp_ns = stamps.to_ns(image.header.stamp)
            pairs = self._together.add(view, stamp_ns, (image, info))
            if pairs:
                images, infos = zip(*pairs, strict=True)
                self._on_shot(images, infos, time.monotonic())

        return receive

    @property
    def topics(self):
        """All InputTopics."""
        return [topic for camera in self.cameras for topic in camera.topics]

    def causes(self):
        """Return why no shot comes, one text per cause."""
        found = [cause for camera in self.cameras for cause in camera.causes()]
        if not found and not self._together.matched and len(self.cameras) > 1:
            apart_s = (self._together.newest_spread_ns() or 0) / stamps.NS_PER_S
            found.append(
                f'views {", ".join(self._together.topics)}: stamps never match (the newest are '
                f'{apart_s:.3g} s apart): raise input.sync_tolerance_s'
            )
        return found

    def clear(self):
        """Drop what waits, as after a clock jump."""
        self._together.clear()
        for camera in self.cameras:
            camera.clear()

    def destroy(self):
        """End all subscriptions."""
        for topic in self.topics:
            topic.destroy()

    def counts(self):
        """Return arrivals by topic and drops, for diagnostics."""
        dropped = sum(self._together.dropped.values()) + sum(c.dropped for c in self.cameras)
        return {topic.topic: topic.count for topic in self.topics} | {'unmatched': dropped}
