"""One shot on its way from messages to a result; runs in the worker, knows no rclpy."""

from dataclasses import dataclass

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames
from surgical_perception.images import image_from_message
from surgical_perception.ros import stamps
from surgical_perception.ros.transform_errors import TransformError
from surgical_perception.ros.validation import validate_image
from xray_registration.calibration import corrected_views
from xray_registration.masks.automatic import with_masks
from xray_registration.parameters import registration_config
from xray_registration.session import Registration
from xray_registration.views import View, line_integrals


@dataclass(frozen=True)
class Shot:
    """The images of one or several views, their camera_info, and when they were complete."""

    images: tuple
    infos: tuple
    arrived_s: float  # steady clock

    @property
    def stamp_ns(self):
        """Stamp of the first view, which is that of the result."""
        return stamps.to_ns(self.images[0].header.stamp)

    @property
    def frame(self):
        """Frame of the first view."""
        return self.images[0].header.frame_id

    def reference(self, parameters):
        """Return the frame in which the CT is registered."""
        return parameters.reference_frame or self.frame


@dataclass(frozen=True)
class Registered:
    """A registration with the shot that it was made from, and the Views as it saw them."""

    shot: Shot
    reference: str
    registration: Registration
    views: list
    mask: str = ''  # what each view's mask leaves out, in words

    @property
    def result(self):
        """The Result."""
        return self.registration.result


@dataclass(frozen=True)
class Pictures:
    """What is drawn of a result, per view; None where nobody asked for it."""

    shot: Shot
    overlays: list  # [H, W, 3] uint8
    drrs: list  # [H, W] float32


def views_of(shot, parameters, lookup, masks=None):
    """
    Return the Views of a shot, with the masks that GivenMasks has for them.

    lookup(target, source, stamp_ns) -> target_from_source [4, 4] raises TransformError; it is
    asked for every view whose frame is not the reference.  Raises InputError for bad messages.
    """
    reference = shot.reference(parameters)
    frames_seen = [image.header.frame_id for image in shot.images]
    if not parameters.reference_frame and len(set(frames_seen)) < len(frames_seen):
        raise InputError(
            f'all views have the frame {reference!r}: set reference_frame to the frame in which '
            'the C-arm moves between them'
        )
    views = []
    for name, image, info in zip(parameters.views, shot.images, shot.infos, strict=True):
        camera = validate_image(image, info, f'image of view {name}')
        pixels = frames.flip_image(image_from_message(image), parameters.image_flip)
        mask = masks and masks.of(name, stamps.to_ns(image.header.stamp), pixels.shape)
        if mask is not None:
            mask = frames.flip_image(mask, parameters.image_flip)
        views.append(
            View(
                line_integrals(pixels, parameters.intensity),
                camera.flipped(parameters.image_flip),
                _camera_from_reference(image.header, reference, lookup),
                mask,
            )
        )
    return views


def _camera_from_reference(header, reference, lookup):
    if header.frame_id == reference:
        return np.eye(4)
    try:
        return lookup(header.frame_id, reference, stamps.to_ns(header.stamp))
    except TransformError as error:
        raise TransformError(f'TF missing at the stamp of the image: {error}') from None


def register_shot(shot, parameters, pipeline, session, masks, lookup, wanted):
    """
    Return a job for the worker: yields a Registered, then Pictures where somebody wants them.

    session     RegistrationSession, which knows where to start
    masks       GivenMasks
    wanted      () -> (overlays?, DRRs?), asked after the result is out: pictures delay no pose
    """

    def job(cancelled):
        views = views_of(shot, parameters, lookup, masks)
        views, texts = with_masks(views, registration_config(parameters).masks)
        reference = shot.reference(parameters)
        registration = session.register(views, reference, shot.stamp_ns, parameters, cancelled)
        views = corrected_views(views, registration.result)
        yield Registered(shot, reference, registration, views, '; '.join(texts))
        overlay, drr = wanted()
        pose = registration.result.reference_from_ct
        if overlay or drr:
            yield Pictures(
                shot,
                [pipeline.overlay(view, pose) if overlay else None for view in views],
                [
                    pipeline.drr(view.camera, view.camera_from_reference @ pose) if drr else None
                    for view in views
                ],
            )

    return job
