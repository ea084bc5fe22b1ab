"""A recorded stereo endoscope: a bag with rectified images, camera_info, poses and truth."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from surg_invnerf.clip import Clip, StereoFrame
from surg_invnerf.clips import bag_topics
from surg_invnerf.clips.bag_poses import camera_poses
from surg_invnerf.clips.bag_truth import read_truth
from surg_invnerf.clips.calibration import load_rectified
from surg_invnerf.clips.files import check_size
from surg_invnerf.stereo.validation import stereo_camera_from_infos
from surgical_perception import bag_headers, images
from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError
from surgical_perception.ros import stamps
from surgical_perception.ros.synchroniser import Synchroniser
from surgical_perception.ros.validation import validate_header, validate_image

TRUTH = 'truth/tracks'
TOLERANCE_S = 0.005
# With fewer pairs than this share of the left images, stamps do not belong together.
_MIN_PAIRED = 0.5
_QUEUE = 100


class BagClip(Clip):
    """
    The pairs of a bag (sqlite3 or mcap) whose stamps are equal, or within `tolerance_s`.

    Opening reads stamps, camera_info and poses; images are decoded one pair at a time.
    `calibration` (calib.yaml) serves a bag without camera_info.  `preset` is the kinematics
    preset of measured_cp.  Raises InputError with the reason why a bag is no clip.
    """

    def __init__(self, path, calibration=None, tolerance_s=TOLERANCE_S, preset='ros'):
        self._path = Path(path)
        self._tolerance_ns = round(tolerance_s * stamps.NS_PER_S)
        self.name = self._path.stem if self._path.is_file() else self._path.resolve().name
        self.sources = {'bag': self._path}
        with BagReader(self._path) as bag:
            self._topics = bag_topics.find_stereo(bag.topics, self._path)
            self._stamps = self._paired_stamps(bag)
            self.camera, frame_id = self._camera(bag, calibration)
            self._poses, self.pose_source = camera_poses(bag, frame_id, self._stamps, preset)
            self._truth_topic = bag_topics.first_of_type(bag.topics, bag_topics.CLOUD, TRUTH)
        if calibration is not None:
            self.sources['calibration'] = Path(calibration)
        period_ns = np.median(np.diff(self._stamps)) if len(self._stamps) > 1 else stamps.NS_PER_S
        self.fps = float(stamps.NS_PER_S / period_ns)

    def __len__(self):
        return len(self._stamps)

    def frames(self):
        """Yield the StereoFrames; their stamps are those of the left images."""
        with BagReader(self._path) as bag:
            for index, (stamp_ns, pair) in enumerate(self._pairs(bag, self._synchroniser())):
                left, right = (
                    self._image(bag, raw, name)
                    for raw, name in zip(
                        pair, (self._topics.left, self._topics.right), strict=True
                    )
                )
                pose = None if self._poses is None else self._poses[index]
                yield StereoFrame(index, stamp_ns, left, right, pose)

    def track_truth(self):
        """Return the TrackTruth of the topic truth/tracks, or None where the bag has none."""
        if not self._truth_topic:
            return None
        with BagReader(self._path) as bag:
            return read_truth(bag, self._truth_topic, self._stamps)

    def _synchroniser(self):
        return Synchroniser((self._topics.left, self._topics.right), self._tolerance_ns, _QUEUE)

    def _pairs(self, bag, together):
        """Yield (stamp of the left image, (left, right)) of matching serialised messages."""
        for topic, _, raw in bag.raw(together.topics):
            stamp_ns = self._stamp_ns(raw, topic)
            pair = together.add(topic, stamp_ns, (stamp_ns, raw))
            if pair is not None:
                yield pair[0][0], tuple(raw for _, raw in pair)

    def _paired_stamps(self, bag):
        lefts, rights = (bag.topics[n].count for n in (self._topics.left, self._topics.right))
        for name, count in ((self._topics.left, lefts), (self._topics.right, rights)):
            if not count:
                raise InputError(f'{self._path}: {name} holds no image')
        together = self._synchroniser()
        found = [stamp_ns for stamp_ns, _ in self._pairs(bag, together)]
        if len(found) < _MIN_PAIRED * max(lefts, rights):
            apart_s = (together.newest_spread_ns() or 0) / stamps.NS_PER_S
            raise InputError(
                f'{self._path}: {len(found)} pairs from {lefts} left and {rights} right images '
                f'(the last stamps are {apart_s:.3g} s apart): trigger both cameras together'
            )
        if any(b <= a for a, b in pairwise(found)):
            raise InputError(f'{self._path}: the stamps jump back: cut the bag where they do')
        return found

    def _camera(self, bag, calibration):
        """Return (StereoCamera, frame id of the left image)."""
        image = next(message for _, _, message in bag.messages([self._topics.left]))
        if calibration is not None:
            return load_rectified(calibration)[0], image.header.frame_id
        infos = []
        for name, of in (
            (self._topics.left_info, self._topics.left),
            (self._topics.right_info, self._topics.right),
        ):
            message = next((m for _, _, m in bag.messages([name])), None) if name else None
            if message is None:
                raise InputError(
                    f'{self._path}: {of} has no camera_info beside it: record it, or give a '
                    'calibration'
                )
            infos.append(message)
        try:
            return stereo_camera_from_infos(*infos), image.header.frame_id
        except InputError as error:
            raise InputError(f'{self._path}: {error}') from None

    def _image(self, bag, raw, topic):
        """Return the pixels [H, W, 3] RGB of a serialised image of the calibrated size."""
        message = bag.decoded(topic, raw)
        try:
            if bag.topics[topic].type == bag_topics.COMPRESSED:
                validate_header(message.header, topic)
                pixels = images.rgb_from_compressed_message(message)
            else:
                validate_image(message, what=topic)
                pixels = images.rgb_from_message(message)
            check_size(pixels, (self.camera.left.width, self.camera.left.height), topic)
        except InputError as error:
            raise InputError(f'{self._path}: {error}') from None
        return pixels

    def _stamp_ns(self, raw, topic):
        stamp_ns, _ = bag_headers.header(raw, f'{self._path}: {topic}')
        if stamp_ns <= 0:
            raise InputError(
                f'{self._path}: {topic} has stamp 0: its driver must set header.stamp'
            )
        return stamp_ns
