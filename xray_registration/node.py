"""The ROS 2 node that registers a CT to C-arm images."""

import dataclasses
import functools
import time

from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from surgical_perception.errors import InputError
from surgical_perception.geometry.frames import LPS_FROM_RAS
from surgical_perception.ros import qos
from surgical_perception.ros.camera_inputs import CamerasInput
from surgical_perception.ros.diagnostics import ERROR, OK, STALE, Report
from surgical_perception.ros.inputs import InputTopic
from surgical_perception.ros.node_base import PerceptionNode
from surgical_perception.ros.running import run
from surgical_perception.ros.transform_errors import TransformError
from surgical_perception.ros.transforms import TransformBroadcaster, TransformListener
from surgical_perception.ros.validation import validate_header, validate_pose
from xray_registration import messages
from xray_registration.assembly import load_pipeline
from xray_registration.broadcast import PoseBroadcast
from xray_registration.masks.given import GivenMasks
from xray_registration.outputs import Outputs
from xray_registration.parameters import XrayRegistrationParameters
from xray_registration.session import RegistrationSession
from xray_registration.shot import Pictures, Shot, register_shot

# A mask of every frame that is bad for the same reason is named this often.
_REPEAT_S = 5.0


class XrayRegistrationNode(PerceptionNode):
    """X-rays and camera_info in, the pose of the CT out: messages and one pipeline."""

    after_reset = 'registration forgotten, broadcast stopped'

    def __init__(self, make_pipeline=load_pipeline, **kwargs):
        super().__init__('xray_registration_node', XrayRegistrationParameters, **kwargs)
        self._make_pipeline = make_pipeline
        self._masks = None
        self._pipeline = self._session = self._outputs = self._broadcast = None
        self._last_shot = None
        self._image_frame = None  # of the last image that could be used
        self._tf_problem = ''
        self._result = Report(STALE, 'no result yet')
        self._calls = []  # of ~/register: (Future, time of the call)
        self._listener = TransformListener(self)
        self._tf = TransformBroadcaster(self)
        # A call of ~/register waits for its result while everything else goes on.
        waiting = ReentrantCallbackGroup()
        self.create_service(Trigger, '~/register', self._on_register, callback_group=waiting)

    # Life cycle

    def setup(self, config):
        """Load the CT and warm the renderer."""
        self._pipeline = self._make_pipeline(config)
        self._session = RegistrationSession(self._pipeline)
        self._masks = GivenMasks(config)
        self._surface = self._pipeline.surface()
        self._outputs = Outputs(self, config.views)
        self._broadcast = PoseBroadcast(self._tf.send, self._listener.lookup, config.ct_frame)

    def connect(self):
        """Publish what never changes, and subscribe."""
        config = self.config
        self._tf.send_static([(config.ct_frame, f'{config.ct_frame}_ras', LPS_FROM_RAS)])
        self._outputs.publish_surface(config.ct_frame, *self._surface)
        tolerance_s = config.input.sync_tolerance_s
        self.inputs = CamerasInput(
            self, config.views, config.camera_info_mode, tolerance_s, self._on_shot
        )
        self.while_active.callback(self.inputs.destroy)
        self._start_input = InputTopic(
            self, PoseWithCovarianceStamped, 'initial_pose', self._on_initial_pose, qos.SINGLE
        )
        self.while_active.callback(self._start_input.destroy)
        for view in config.views:
            topic = f'{view}/mask' if len(config.views) > 1 else 'mask'
            on_mask = functools.partial(self._on_mask, view)
            self.while_active.callback(InputTopic(self, Image, topic, on_mask).destroy)
        ticks = self.create_timer(1 / config.tf.rate_hz, self._on_tick, clock=self.steady_clock)
        self.while_active.callback(self.destroy_timer, ticks)

    def release(self):
        """Free CT, volumes and publishers."""
        if self._outputs:
            self._outputs.destroy()
        self._pipeline = self._session = self._surface = None
        self._outputs = self._broadcast = None

    def forget(self, reason):
        """Drop image and pose: nothing is broadcast, and nothing old starts a registration."""
        self._last_shot = self._image_frame = None
        self._session.forget()
        self._masks.clear()
        self._broadcast.stop(reason)
        self._answer(time.monotonic(), False, f'cancelled: {reason}')

    # Inputs

    def _on_shot(self, images, infos, arrived_s):
        self.watch.fed()
        self._last_shot = Shot(images, infos, arrived_s)
        if self.config.enabled:
            self._register(self._last_shot)

    def _on_initial_pose(self, message):
        expected = self.config.reference_frame or self._image_frame
        try:
            validate_header(message.header, 'initial_pose', expected)
            pose = validate_pose(message.pose.pose, 'initial_pose')
        except InputError as error:
            self.get_logger().error(f'initial_pose ignored: {error}')
            return
        self._session.give(message.header.frame_id, pose)

    def _on_mask(self, view, message):
        try:
            self._masks.add(view, message)
        except InputError as error:
            self.get_logger().error(f'mask ignored: {error}', throttle_duration_sec=_REPEAT_S)

    def _register(self, shot):
        config = self.config
        job = register_shot(
            shot,
            config,
            self._pipeline,
            self._session,
            self._masks,
            functools.partial(self._listener.lookup, timeout_s=config.tf.timeout_s),
            self._outputs.pictures_wanted,
        )
        self.worker.submit(job, self._on_value, functools.partial(self._on_refusal, shot))

    # Outputs

    def _on_value(self, value):
        if isinstance(value, Pictures):
            self._outputs.publish_pictures(value)
        else:
            self._publish_result(value)

    def _publish_result(self, registered):
        shot, reference, result = registered.shot, registered.reference, registered.result
        self._image_frame = shot.frame
        if registered.registration.note:
            self.get_logger().error(registered.registration.note)
        if registered.registration.accepted:
            pose = result.reference_from_ct
            self._broadcast.accept(reference, shot.stamp_ns, pose, repeat=reference != shot.frame)
            self._outputs.publish_pose(reference, shot.stamp_ns, result)
        self._outputs.draw_views(registered, self.config)
        self._tf_problem = ''
        latency_s = time.monotonic() - shot.arrived_s
        self._tell(shot, messages.result_report(registered, latency_s))

    def _on_refusal(self, shot, error):
        reason = self.reason(error)
        self._tf_problem = reason if isinstance(error, TransformError) else ''
        self._tell(shot, messages.refusal_report(shot, reason))

    def _tell(self, shot, report):
        self._result = report
        self._outputs.publish_status(report, shot.frame)
        if report.level != OK:
            self.get_logger().warning(report.message)
        self._answer(shot.arrived_s, report.level != ERROR, report.message)

    def _on_tick(self):
        self._broadcast.tick(self.get_clock().now().nanoseconds, self.config.tf)

    # Services

    async def _on_register(self, _request, response):
        if self._last_shot is None:
            causes = self.inputs.causes() if self.state == 'active' else [self.failure]
            reason = '; '.join(causes) or f'none came yet, the node is {self.state}'
            response.message = f'no image to register: {reason}'
            return response
        shot = dataclasses.replace(self._last_shot, arrived_s=time.monotonic())
        answer = Future()
        self._calls.append((answer, shot.arrived_s))
        self._register(shot)
        response.success, response.message = await answer
        return response

    def _answer(self, arrived_s, success, message):
        """Answer the calls of ~/register that waited for a shot of that time or an earlier one."""
        for answer, called_s in self._calls:
            if called_s <= arrived_s:
                answer.set_result((success, message))
        self._calls = [call for call in self._calls if not call[0].done()]

    # Reports

    def summary(self):
        """Say what is registered where."""
        config = self.config
        reference = config.reference_frame or 'the frame of the image'
        return [
            f'{self._start_input.describe()}, optional',
            f'frames: {reference} -> {config.ct_frame} -> {config.ct_frame}_ras',
            f'CT: {config.ct.path}, sha256 {self._pipeline.ct.sha256}',
            f'method {config.method} on device {config.device}, init {config.init}',
        ]

    def reports(self):
        """Report TF in and out, and the last result."""
        tf = Report(ERROR, self._tf_problem) if self._tf_problem else self._broadcast.report()
        return {'tf': tf, 'result': self._result}


def main(args=None):
    """Run the node until it is told to stop."""
    run(XrayRegistrationNode, args)
