"""A process of its own that speaks TF: two calls of static transforms, then a moving frame."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException

from surgical_perception.ros.transforms import TransformBroadcaster


def main():
    speech = SimpleNamespace(**json.loads(sys.argv[1]))
    rclpy.init()
    node = rclpy.create_node('speaker')
    broadcaster = TransformBroadcaster(node)
    for parent, child, pose in speech.static:
        broadcaster.send_static([(parent, child, np.reshape(pose, (4, 4)))])

    def speak():
        for stamp_ns, pose in speech.moving:
            broadcaster.send('patient', 'carm', stamp_ns, np.reshape(pose, (4, 4)))

    node.create_timer(0.05, speak)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
