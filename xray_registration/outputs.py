"""The topics that the node publishes."""

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from sensor_msgs.msg import Image
from visualization_msgs.msg import Marker, MarkerArray

from surgical_perception.ros import qos
from surgical_perception.ros.diagnostics import status_message
from xray_registration import messages
from xray_registration.carm_marker import CarmDrawing


class Outputs:
    """
    Lifecycle publishers below `~/`: pose, status, ct_surface, carm; overlay and drr per view.

    Several views have one namespace each, as on the input side: `~/<view>/overlay`.
    """

    def __init__(self, node, views):
        self._node = node
        self._publishers = []
        self._pose = self._make(PoseWithCovarianceStamped, 'pose', qos.RESULTS)
        self._status = self._make(DiagnosticStatus, 'status', qos.RESULTS)
        self._surface = self._make(Marker, 'ct_surface', qos.LATCHED)
        self._carm = self._make(MarkerArray, 'carm', qos.LATCHED)
        self._drawing = CarmDrawing()
        prefixes = [f'{view}/' if len(views) > 1 else '' for view in views]
        self._overlays = [self._make(Image, f'{p}overlay', qos.SINGLE) for p in prefixes]
        self._drrs = [self._make(Image, f'{p}drr', qos.SINGLE) for p in prefixes]

    def _make(self, message_type, name, profile):
        made = self._node.create_lifecycle_publisher(message_type, f'~/{name}', profile)
        self._publishers.append(made)
        return made

    def destroy(self):
        """End all publishers."""
        for publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)

    def pictures_wanted(self):
        """Return (overlays?, DRRs?): whether somebody has subscribed."""
        return tuple(
            any(publisher.get_subscription_count() for publisher in publishers)
            for publishers in (self._overlays, self._drrs)
        )

    def publish_pose(self, frame, stamp_ns, result):
        """Publish an accepted Result."""
        self._pose.publish(messages.pose_message(frame, stamp_ns, result))

    def draw_views(self, registered, parameters):
        """Have the C-arm of a Registered shot drawn with the next status."""
        self._drawing.take_views(
            parameters.views,
            [image.header for image in registered.shot.images],
            [view.camera for view in registered.views],
            parameters.carm.source_to_detector_mm / 1000,
        )

    def publish_status(self, report, frame):
        """Publish the Report of any result of an X-ray in a frame, as text at the C-arm too."""
        name = f'{self._node.get_name()}: registration'
        self._status.publish(status_message(name, report))
        if frame:
            self._carm.publish(self._drawing.message(frame, report))

    def publish_surface(self, frame, vertices, triangles):
        """Publish the bone surface (m, in the CT's frame) for present and later subscribers."""
        self._surface.publish(messages.surface_message(frame, vertices, triangles))

    def publish_pictures(self, pictures):
        """Publish the Pictures of a shot, each with the header of its X-ray."""
        for publishers, drawn, encoding in (
            (self._overlays, pictures.overlays, 'rgb8'),
            (self._drrs, pictures.drrs, '32FC1'),
        ):
            triples = zip(publishers, drawn, pictures.shot.images, strict=True)
            for publisher, picture, image in triples:
                if picture is not None:
                    publisher.publish(messages.picture_message(image.header, picture, encoding))
