"""Masks that somebody gives: from a topic, beside the images, or from a file for all of them."""

from surgical_perception.errors import InputError
from surgical_perception.images import image_from_message
from surgical_perception.ros.stamps import NS_PER_S
from surgical_perception.ros.validation import validate_header
from xray_registration.image_files import load_mask

# Of each view: enough to find the one of an image that waits while others are registered.
_KEPT = 8


class GivenMasks:
    """
    Keeps what came on `mask` and what the files say, per view, and gives each image its mask.

    Of the masks of a view the one that is closest in time to the image serves, so one of the same
    stamp always does; none that is further away than `masks.max_age_s`.  A file serves where no
    message does.  Messages may come while another thread asks.
    """

    def __init__(self, parameters):
        """Take XrayRegistrationParameters; raises InputError for a file that is no mask."""
        masks = parameters.masks
        self._max_age_ns = int(masks.max_age_s * NS_PER_S)
        self._came = dict.fromkeys(parameters.views, ())
        self._files = dict(zip(parameters.views, map(load_mask, masks.path), strict=False))

    def add(self, view, message):
        """Take a sensor_msgs/Image of a view, not 0 where its X-ray may be used."""
        what = f'mask of view {view}'
        stamp_ns = validate_header(message.header, what)
        pixels = image_from_message(message)
        if pixels.ndim != 2:
            raise InputError(f'{what} is {message.encoding}: publish mono8, not 0 is usable')
        kept = [item for item in self._came[view] if item[0] != stamp_ns]
        self._came[view] = (*kept[1 - _KEPT :], (stamp_ns, pixels != 0))

    def clear(self):
        """Forget what came, as after a clock jump; files stay."""
        self._came = dict.fromkeys(self._came, ())

    def of(self, view, stamp_ns, shape):
        """
        Return the mask [H, W] bool of an image [H, W], as the image is sent; None without one.

        Raises InputError where the mask has another size or leaves nothing.
        """
        came = self._came.get(view, ())
        near = [item for item in came if abs(item[0] - stamp_ns) <= self._max_age_ns]
        if near:
            _, mask = min(near, key=lambda item: abs(item[0] - stamp_ns))
        else:
            mask = self._files.get(view)
        if mask is None:
            return None
        if mask.shape != tuple(shape):
            raise InputError(
                f'the mask of view {view} is {mask.shape[1]}x{mask.shape[0]} but its image is '
                f'{shape[1]}x{shape[0]}: publish it in the size of image_rect'
            )
        if not mask.any():
            raise InputError(f'the mask of view {view} is 0 everywhere, so no pixel can be used')
        return mask
