"""
Which image, camera_info and view make one shot; knows no rclpy.

The node gives it what arrives, an evaluation what a bag holds: both see the same shots.
"""

from surgical_perception.ros import stamps
from surgical_perception.ros.synchroniser import Synchroniser


class CameraPairing:
    """
    Pairs the images and camera_infos of one camera and hands over (image, info).

    mode 'exact': equal stamps; 'latest': the last camera_info serves, for cameras that send it
    once, and an image that comes before it waits.
    """

    def __init__(self, mode, on_pair):
        self._on_pair = on_pair
        self._exact = Synchroniser(('image', 'info')) if mode == 'exact' else None
        self._info = self._image = None
        self._replaced = 0  # images that waited in vain for the first camera_info

    def add_image(self, image):
        """Take an image."""
        if self._exact:
            self._match('image', image)
        elif self._info:
            self._on_pair(image, self._info)
        else:
            self._replaced += self._image is not None
            self._image = image

    def add_info(self, info):
        """Take a camera_info."""
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
        self._replaced += self._image is not None
        self._image = None
        if self._exact:
            self._exact.clear()

    def mismatch_s(self):
        """Return how far apart the newest stamps are where none ever matched, else None."""
        if not self._exact or self._exact.matched:
            return None
        return (self._exact.newest_spread_ns() or 0) / stamps.NS_PER_S

    @property
    def dropped(self):
        """Number of messages without a partner."""
        return sum(self._exact.dropped.values()) if self._exact else self._replaced


class ShotPairing:
    """
    One shot from all views: hands over (images, infos), one of each per view.

    The stamps of the views may differ by `tolerance_s`; `cameras` are the CameraPairings of the
    views, in their order.
    """

    def __init__(self, views, mode, tolerance_s, on_shot):
        self._on_shot = on_shot
        self._together = Synchroniser(views, int(tolerance_s * stamps.NS_PER_S))
        self.cameras = [CameraPairing(mode, self._receiver(view)) for view in views]

    def _receiver(self, view):
        def receive(image, info):
            stamp_ns = stamps.to_ns(image.header.stamp)
            pairs = self._together.add(view, stamp_ns, (image, info))
            if pairs:
                self._on_shot(*zip(*pairs, strict=True))

        return receive

    def clear(self):
        """Drop what waits, as after a clock jump."""
        self._together.clear()
        for camera in self.cameras:
            camera.clear()

    def mismatch_s(self):
        """Return how far apart the newest stamps of the views are where none ever matched."""
        return None if self._together.matched or len(self.cameras) == 1 else self.spread_s()

    def spread_s(self):
        """Return how far apart the newest stamps of the views are; 0 before all have sent."""
        return (self._together.newest_spread_ns() or 0) / stamps.NS_PER_S

    @property
    def dropped(self):
        """Number of messages and pairs without a partner."""
        return sum(self._together.dropped.values()) + sum(c.dropped for c in self.cameras)
