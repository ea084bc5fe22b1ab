"""The ROS 2 node that tracks tissue in a stereo endoscope."""

import functools
import time
from datetime import datetime
from pathlib import Path

from geometry_msgs.msg import PointStamped
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from sensor_msgs.msg import Image, PointCloud2
from std_srvs.srv import Trigger

from surg_invnerf import messages, queries
from surg_invnerf.assembly import pipeline_maker
from surg_invnerf.live.result import State
from surg_invnerf.outputs import Outputs
from surg_invnerf.parameters import SurgInvnerfParameters
from surg_invnerf.pose_sources import NoPoseError, make_pose_source
from surg_invnerf.stereo_input import StereoInput
from surg_invnerf.tool_masks import ToolMasks
from surg_invnerf.track_overlay import draw_tracks
from surg_invnerf.tracking_session import StereoPair, Tracked, TrackingSession
from surgical_perception.errors import InputError
from surgical_perception.ros import qos
from surgical_perception.ros.diagnostics import ERROR, OK, STALE, Report
from surgical_perception.ros.inputs import InputTopic
from surgical_perception.ros.node_base import PerceptionNode
from surgical_perception.ros.running import run
from surgical_perception.ros.transforms import TransformBroadcaster, TransformListener
from surgical_perception.ros.worker import Worker

# A warning that holds on is logged again this often; the status says it with every pair.
_REPEAT_S = 10.0


class SurgInvnerfNode(PerceptionNode):
    """Stereo pairs, poses and queries in, tracked points out: messages and one pipeline."""

    after_reset = 'tracks and model forgotten; ids go on'

    def __init__(self, pipeline_maker=pipeline_maker, **kwargs):
        super().__init__('surg_invnerf_node', SurgInvnerfParameters, **kwargs)
        self._pipeline_maker = pipeline_maker
        self._session = self._outputs = self._poses = self._masks = None
        self._camera_frame = ''
        self._result = self._pose_report = Report(STALE, 'no result yet')
        # On the steady clock: the last surface, and the last word in ~/status.
        self._surface_s, self._told_s = 0.0, time.monotonic()
        self._saves = []  # Futures of the calls of ~/save that wait
        # Writing a map takes longer than a frame, and must not hold up the tracking.
        self._saver = Worker(self)
        self._listener = TransformListener(self)
        self._tf = TransformBroadcaster(self)
        waiting = ReentrantCallbackGroup()
        self.create_service(Trigger, '~/save', self._on_save, callback_group=waiting)

    # Life cycle

    def setup(self, config):
        """Check what the pipeline is made of; it is made when the calibration has come."""
        make_pipeline = self._pipeline_maker(config)
        self._outputs = Outputs(self, self._tf.send)
        self._poses = make_pose_source(self, self._listener.lookup, config)
        self._masks = ToolMasks(config.input.tool_mask_max_age_s)
        lookup, say = self._listener.lookup, self.get_logger().warning
        self._session = TrackingSession(make_pipeline, self._poses, self._masks, lookup, say)

    def connect(self):
        """Subscribe."""
        mode, limits = self.config.camera_info_mode, self.config.input
        self.inputs = StereoInput(
            self, mode, limits.sync_tolerance_s, limits.lost_after_s, self._on_pair
        )
        self._poses.connect()
        self._optional = [
            InputTopic(self, PointCloud2, 'query_points', self._on_query_points, qos.RESULTS),
            InputTopic(self, PointStamped, 'clicked_point', self._on_click, qos.RESULTS),
            InputTopic(self, Image, 'tool_mask', self._on_tool_mask),
        ]
        for ended in (self.inputs, self._poses, *self._optional):
            self.while_active.callback(ended.destroy)
        watch = self.create_timer(limits.lost_after_s, self._on_watchdog, clock=self.steady_clock)
        self.while_active.callback(self.destroy_timer, watch)

    def release(self):
        """End the fit and free its memory."""
        if self._session:
            self._session.close()
        if self._outputs:
            self._outputs.destroy()
        self._session = self._outputs = self._poses = self._masks = None

    def forget(self, reason):
        """Drop tracks, model, poses and masks; ids go on."""
        self._saver.cancel()
        for call in self._saves:
            call.set_result((False, f'cancelled: {reason}'))
        for holder in (self._poses, self._masks, self._outputs):
            holder.clear()
        self._session.reset(reason)
        self._result = self._pose_report = Report(STALE, reason)

    def destroy_node(self):
        """End the fit, which may be a process, too."""
        self._saver.stop()
        session = self._session
        super().destroy_node()
        if session:
            session.close()

    # Inputs

    def _on_pair(self, images, infos, arrived_s):
        self.watch.fed()
        pair = StereoPair(images, infos, arrived_s)
        self._camera_frame = pair.header.frame_id
        if self.config.enabled:
            refused = functools.partial(self._on_refusal, pair)
            self.worker.submit(functools.partial(self._track, pair), self._on_value, refused)

    def _track(self, pair, _cancelled):
        """Yield what comes of a pair; runs in the worker."""
        child = self.config.tf.estimated_camera_frame
        if child and child == pair.header.frame_id:
            raise InputError(f'tf.estimated_camera_frame {child!r} is the frame of the images')
        tracked = self._session.track(pair)
        yield tracked
        if self._outputs.overlay_wanted:
            picture = draw_tracks(tracked.left, tracked.result, tracked.state, tracked.reason)
            yield functools.partial(self._outputs.publish_overlay, pair.header, picture)
        now_s, rate_hz = time.monotonic(), self.config.pictures.surface_rate_hz
        due = tracked.state is not State.LOST and now_s - self._surface_s >= 1 / rate_hz
        if due and self._outputs.surface_wanted:
            made = self._session.surface()
            if made:
                self._surface_s = now_s
                yield functools.partial(self._outputs.publish_surface, *made)

    def _on_query_points(self, message):
        try:
            pixels = queries.pixels_of_cloud(message)
        except InputError as error:
            self.get_logger().error(f'query_points ignored: {error}')
            return
        self._session.ask(lambda pipeline: pipeline.add_queries(pixels))

    def _on_click(self, message):
        try:
            point = queries.point_of_click(message, self._listener.lookup, self._camera_frame)
        except InputError as error:
            self.get_logger().error(f'clicked_point ignored: {error}')
            return
        self._session.ask(lambda pipeline: pipeline.add_points(point))

    def _on_tool_mask(self, message):
        try:
            self._masks.add(message)
        except InputError as error:
            self.get_logger().error(f'tool_mask ignored: {error}', throttle_duration_sec=_REPEAT_S)

    def _on_watchdog(self):
        """Say LOST while nothing comes out: the last that was published is not the present."""
        limit_s = self.config.input.lost_after_s
        if not self.config.enabled or time.monotonic() - self._told_s < limit_s:
            return
        reason = f'no result for over {limit_s:g} s: the computation is busy'
        if self.inputs.silent_s > limit_s:
            causes = '; '.join(self.inputs.causes())
            reason = f'no stereo pair for over {limit_s:g} s: {causes}'
        self._tell(messages.lost_report(reason))

    # Outputs

    def _on_value(self, value):
        if not isinstance(value, Tracked):
            value()  # publishes a picture
            return
        self._outputs.publish_tracked(value, self.config, self._poses.world_frame)
        self._pose_report = messages.pose_report(value.pose, value.problems)
        latency_s = time.monotonic() - value.pair.arrived_s
        self._tell(messages.result_report(value, latency_s))

    def _on_refusal(self, pair, error):
        reason = self.reason(error)
        if isinstance(error, NoPoseError):
            self._pose_report = Report(ERROR, reason)
        self._tell(messages.lost_report(reason, pair.stamp_ns))

    def _tell(self, report):
        changed = report.level != self._result.level
        self._result, self._told_s = report, time.monotonic()
        self._outputs.publish_status(report)
        if report.level == OK and changed:
            self.get_logger().info(report.message)
        elif changed:
            self.get_logger().warning(report.message)
        elif report.level != OK:
            self.get_logger().warning(report.message, throttle_duration_sec=_REPEAT_S)

    # Services

    async def _on_save(self, _request, response):
        if self.state != 'active' or self._saver.busy:
            reason = 'a save is running' if self._saver.busy else f'the node is {self.state}'
            response.message = f'nothing is saved: {self.failure or reason}'
            return response
        name = datetime.now().strftime('%Y-%m-%d_%H-%M-%S_%f')
        directory = Path(self.config.save.directory).expanduser() / name
        session, answer = self._session, Future()

        def save(_cancelled):
            yield session.save(directory)

        self._saves.append(answer)
        self._saver.submit(
            save,
            lambda path: answer.set_result((True, str(path))),
            lambda error: answer.set_result((False, self.reason(error))),
        )
        response.success, response.message = await answer
        self._saves.remove(answer)
        return response

    # Reports

    def summary(self):
        """Say what is tracked where."""
        config = self.config
        optional = [*self._poses.topics, *self._optional]
        poses = {'none': 'none', 'tf': f'TF in {config.world_frame}', 'crtk': 'measured_cp'}
        fit = config.fit
        return [
            *(f'{topic.describe()}, optional' for topic in optional),
            f'camera poses: {poses[config.camera_pose_source]}, axes {config.kinematics_preset}',
            f'{config.points.grid} points on a grid, at most {config.points.budget}',
            f'fit: {fit.model} on device {config.device}, host {fit.host}',
        ]

    def reports(self):
        """Report the camera poses, and the last result."""
        return {'tf': self._pose_report, 'result': self._result}


def main(args=None):
    """Run the node until it is told to stop."""
    run(SurgInvnerfNode, args)
