"""The topics that the live node publishes."""

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from surg_invnerf import messages
from surg_invnerf.attached_frames import attached_frame
from surg_invnerf.kinematics import KinematicState
from surg_invnerf.live.result import State
from surg_invnerf.trails import Trails
from surgical_perception.ros import qos
from surgical_perception.ros.diagnostics import status_message


class Outputs:
    """
    Lifecycle publishers below `~/`, and the transforms that were asked for.

    send    function (parent, child, stamp_ns, parent_from_child [4, 4]) of a broadcaster

    Everything but tracks, pose and status costs time and is made for subscribers only.  While the
    state is LOST only the status goes out, and an overlay that says so: what is not published
    cannot be believed.
    """

    def __init__(self, node, send):
        self._node, self._send = node, send
        self._publishers = []
        self._trails_made = Trails()
        self._tracks = self._make(PointCloud2, 'tracks', qos.RESULTS)
        self._status = self._make(DiagnosticStatus, 'status', qos.RESULTS)
        self._camera_pose = self._make(PoseWithCovarianceStamped, 'camera_pose', qos.RESULTS)
        self._surface = self._make(PointCloud2, 'surface', qos.SINGLE)
        self._depth = self._make(Image, 'depth', qos.SINGLE)
        self._depth_info = self._make(CameraInfo, 'depth/camera_info', qos.SINGLE)
        self._trails = self._make(MarkerArray, 'trails', qos.SINGLE)
        self._overlay = self._make(Image, 'overlay', qos.SINGLE)

    def _make(self, message_type, name, profile):
        made = self._node.create_lifecycle_publisher(message_type, f'~/{name}', profile)
        self._publishers.append(made)
        return made

    def destroy(self):
        """End all publishers."""
        for publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)

    def clear(self):
        """Forget what trails are drawn from."""
        self._trails_made.clear()

    @property
    def overlay_wanted(self):
        """Whether somebody has subscribed to the overlay."""
        return self._overlay.get_subscription_count() > 0

    @property
    def surface_wanted(self):
        """Whether somebody has subscribed to the surface."""
        return self._surface.get_subscription_count() > 0

    def publish_status(self, report):
        """Publish the Report of any pair."""
        self._status.publish(status_message(f'{self._node.get_name()}: tracking', report))

    def publish_tracked(self, tracked, config, world_frame):
        """Publish a Tracked, unless it is LOST; `world_frame` is that of its camera pose."""
        if tracked.state is State.LOST:
            return
        header, result = tracked.pair.header, tracked.result
        cloud = messages.tracks_message(header, result, config.points.max_age_s)
        self._tracks.publish(cloud)
        if self._depth.get_subscription_count() or self._depth_info.get_subscription_count():
            depth, info = messages.depth_messages(header, result.depth_m, tracked.depth_camera)
            self._depth.publish(depth)
            self._depth_info.publish(info)
        placed = tracked.pose and tracked.pose.state is KinematicState.TRACKING
        if placed:
            self._publish_pose(header, world_frame, tracked, config)
        if self._trails.get_subscription_count():
            frame, pose = header.frame_id, np.eye(4)
            if placed:
                frame, pose = world_frame, tracked.pose.world_from_camera
            trail_s = config.pictures.trail_s
            made = self._trails_made.add(tracked.pair.stamp_ns, frame, pose, result, trail_s)
            if made:
                self._trails.publish(made)
        self._attach(tracked, config.tf.attach_ids)

    def _publish_pose(self, header, world_frame, tracked, config):
        pose = tracked.pose.world_from_camera
        self._camera_pose.publish(messages.camera_pose_message(header, world_frame, pose))
        child = config.tf.estimated_camera_frame
        if child:
            self._send(world_frame, child, tracked.pair.stamp_ns, pose)

    def _attach(self, tracked, wanted_ids):
        """Send a frame for each wanted point that is seen on a measured surface."""
        result = tracked.result
        for point_id in wanted_ids:
            (rows,) = ((result.ids == point_id) & result.visible).nonzero()
            for row in rows:
                frame = attached_frame(result.xyz_m[row], result.depth_m, tracked.depth_camera)
                if frame is not None:
                    parent = tracked.pair.header.frame_id
                    child = f'{self._node.get_name()}_track_{point_id}'
                    self._send(parent, child, tracked.pair.stamp_ns, frame)

    def publish_surface(self, header, surface):
        """Publish a Surface with the header of the frame that it belongs to."""
        self._surface.publish(messages.surface_message(header, surface))

    def publish_overlay(self, header, picture):
        """Publish a picture with the header of the left image."""
        self._overlay.publish(messages.picture_message(header, picture))
