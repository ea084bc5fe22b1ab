"""The registered pose on TF, for as long as it may be believed."""

from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.diagnostics import ERROR, OK, STALE, Report
from surgical_perception.ros.transform_errors import TransformError


class PoseBroadcast:
    """
    Sends an accepted pose at its image's stamp, and again until something ends that.

    send        function (parent, child, stamp_ns, parent_from_child [4, 4])
    lookup      function (target, source, stamp_ns) -> target_from_source [4, 4]
    tf          TfParameters; read anew at every tick

    Lookups fail closed: what is too old, reset or overtaken by a jump is never sent again, and no
    other pose takes its place.  Times are of the node's clock, in ns.
    """

    def __init__(self, send, lookup, child):
        self._send = send
        self._lookup = lookup
        self._child = child
        self._pose = None  # (parent, stamp_ns, parent_from_child) while it is sent again
        self._last_sent_ns = 0
        self._anchor_from_reference = None
        self._report = Report(STALE, 'no registration yet')

    @property
    def active(self):
        """Whether a pose is being broadcast."""
        return self._pose is not None

    def accept(self, parent, stamp_ns, parent_from_child, repeat):
        """Send a new pose at its stamp; with `repeat`, at every tick from now on."""
        self._send(parent, self._child, stamp_ns, parent_from_child)
        self._last_sent_ns = stamp_ns
        self._anchor_from_reference = None
        self._pose = (parent, stamp_ns, parent_from_child) if repeat else None
        how = 'broadcast' if repeat else 'sent at the image stamp only (untracked C-arm)'
        self._report = Report(OK, f'{parent} -> {self._child} {how}', self._values(stamp_ns))

    def stop(self, reason):
        """End the broadcast; `reason` goes to the diagnostics."""
        if self._pose:
            self._report = Report(ERROR, f'broadcast stopped: {reason}', self._report.values)
        self._pose = None

    def tick(self, now_ns, tf):
        """Send the pose again at `now_ns`, or stop where it is too old or the reference jumped."""
        if not self._pose:
            return
        parent, stamp_ns, parent_from_child = self._pose
        age_s = (now_ns - stamp_ns) / stamps.NS_PER_S
        if 0 < tf.max_age_s < age_s:
            self.stop(f'the image is {age_s:.0f} s old, tf.max_age_s is {tf.max_age_s:g} s')
        elif jump_mm := self._jump_mm(parent, tf):
            self.stop(
                f'{parent} jumped by {jump_mm:.1f} mm in {tf.anchor_frame}, '
                f'tf.max_jump_mm is {tf.max_jump_mm:g} mm: register again'
            )
        elif now_ns > self._last_sent_ns:
            self._send(parent, self._child, now_ns, parent_from_child)
            self._last_sent_ns = now_ns
            self._report = Report(OK, self._report.message, self._values(stamp_ns, age_s))

    def report(self):
        """Return the state for the diagnostics."""
        return self._report

    def _jump_mm(self, reference, tf):
        """Return the step of the reference since the last tick where it is too long, else 0."""
        if not tf.anchor_frame:
            return 0.0
        try:
            anchor_from_reference = self._lookup(tf.anchor_frame, reference, 0)
        except TransformError:
            return 0.0  # out of sight is no jump: lookups through the reference fail by themselves
        before, self._anchor_from_reference = self._anchor_from_reference, anchor_from_reference
        if before is None:
            return 0.0
        # The reference turns too: its step is measured where the CT is, not at its own origin.
        centre = self._pose[2][:3, 3]
        moved = se3.apply(anchor_from_reference, centre) - se3.apply(before, centre)
        jump_mm = 1e3 * float((moved @ moved) ** 0.5)
        return jump_mm if jump_mm > tf.max_jump_mm else 0.0

    def _values(self, stamp_ns, age_s=0.0):
        return {'image_stamp': stamps.text(stamp_ns), 'age_s': age_s}
