"""The shots of a bag in the order in which the node would complete them, with TF as of then."""

from contextlib import closing

from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError
from surgical_perception.ros.camera_pairing import ShotPairing
from xray_registration.evaluation.bag_transforms import BagTransforms
from xray_registration.masks.given import GivenMasks
from xray_registration.shot import Shot, views_of


class BagShots:
    """
    A context manager over a bag; iterating yields Shots and messages on `initial_pose`.

    path, topics    the bag and its XrayTopics
    parameters      XrayRegistrationParameters

    What the node would have logged about masks is in `notes`.
    """

    def __init__(self, path, topics, parameters):
        self._reader = BagReader(path)
        self._transforms = BagTransforms(path, topics.transforms)
        self._topics, self._parameters = topics, parameters
        self._masks = GivenMasks(parameters)
        self.notes = []
        self._complete = []
        self._pairing = ShotPairing(
            parameters.views,
            parameters.camera_info_mode,
            parameters.input.sync_tolerance_s,
            lambda images, infos: self._complete.append((images, infos)),
        )
        self._bag_ns = 0

    def __enter__(self):
        self.bag = self._reader.__enter__()
        self._transforms.__enter__()
        return self

    def __exit__(self, *exception):
        self._transforms.__exit__(*exception)
        self._reader.__exit__(*exception)

    def __iter__(self):
        cameras = dict(zip(self._parameters.views, self._pairing.cameras, strict=True))
        with closing(self.bag.messages(self._topics.inputs)) as messages:
            for topic, self._bag_ns, message in messages:
                if topic in self._topics.images:
                    cameras[self._topics.images[topic]].add_image(message)
                elif topic in self._topics.infos:
                    cameras[self._topics.infos[topic]].add_info(message)
                elif topic in self._topics.masks:
                    self._add_mask(self._topics.masks[topic], message)
                else:
                    yield message
                while self._complete:
                    yield Shot(*self._complete.pop(0), arrived_s=self._bag_ns * 1e-9)

    def _add_mask(self, view, message):
        try:
            self._masks.add(view, message)
        except InputError as error:
            self.notes.append(f'mask ignored: {error}')

    @property
    def unmatched(self):
        """Number of messages that found no partner so far."""
        return self._pairing.dropped

    def views(self, shot):
        """Return the Views of the Shot that came last; raises InputError as `views_of` does."""
        return views_of(shot, self._parameters, self.lookup, self._masks)

    def lookup(self, target, source, stamp_ns):
        """Return target_from_source [4, 4] (m), or raise TransformError, as the node would now."""
        timeout_s = self._parameters.tf.timeout_s
        return self._transforms.lookup(target, source, stamp_ns, self._bag_ns, timeout_s)
