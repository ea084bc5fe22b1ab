"""
Images from one process to another over DDS, as a camera driver would send them: are any lost?

    python -m surgical_perception.doctor.probe TOPIC

is the sending half; `probe` starts it and receives.
"""

import array
import os
import subprocess
import sys
import time

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from surgical_perception.findings import Finding, Level
from surgical_perception.ros import qos, stamps
from surgical_perception.runtime.environment import node_environment

WIDTH, HEIGHT, CHANNELS = 1280, 1024, 3
PERIOD_S = 1 / 30
COUNT = 30
LIMIT_S = 15.0
# Beyond this a 30 Hz camera is behind.
_MAX_LATENCY_S = 0.03


def probe(context, limit_s=LIMIT_S):
    """Return a Finding about images that another process sends; `context` is rclpy's."""
    node = rclpy.create_node('doctor_probe', context=context)
    topic = f'/doctor_probe_{os.getpid()}'
    came = []  # (number, latency in s)

    def on_image(message):
        sent_ns = stamps.to_ns(message.header.stamp)
        came.append((int(message.header.frame_id), (time.monotonic_ns() - sent_ns) * 1e-9))

    node.create_subscription(Image, topic, on_image, qos.SENSOR)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    sender = subprocess.Popen(
        [sys.executable, '-m', __spec__.name, topic],
        env=node_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + limit_s
    try:
        while time.monotonic() < deadline and sender.poll() is None:
            if came and came[-1][0] >= came[0][0] + COUNT:
                break
            executor.spin_once(timeout_sec=0.02)
    finally:
        sender.kill()
        _, said = sender.communicate()
        executor.remove_node(node)
        node.destroy_node()
        executor.shutdown()
    return _judged(came, limit_s, said.strip().splitlines()[-1:])


def _judged(came, limit_s, said):
    what = f'{WIDTH}x{HEIGHT} colour at 30 Hz to another process'
    if not came:
        text = (
            f'{what}: none came within {limit_s:g} s: is a firewall between the processes, or '
            'does a DDS profile forbid it?'
        )
        return Finding(Level.ERROR, 'images', ' '.join([text, *said]))
    numbers, latencies_s = zip(*came, strict=True)
    sent = numbers[-1] - numbers[0] + 1
    lost = sent - len(came)
    median_s = float(np.median(latencies_s))
    text = f'{what}: {lost} of {sent} lost, {1e3 * median_s:.1f} ms on the way'
    if lost > 0.05 * sent or median_s > _MAX_LATENCY_S:
        text += ': set the DDS profile (above) for every process, and look at the load'
        return Finding(Level.WARNING, 'images', text)
    return Finding(Level.OK, 'images', text)


def send(topic):
    """Publish numbered images until this process is ended."""
    rclpy.init()
    node = rclpy.create_node('doctor_sender')
    publisher = node.create_publisher(Image, topic, qos.SENSOR)
    size = WIDTH * HEIGHT * CHANNELS
    image = Image(width=WIDTH, height=HEIGHT, encoding='rgb8', step=WIDTH * CHANNELS)
    image.data = array.array('B', bytes(size))
    while not publisher.get_subscription_count():
        rclpy.spin_once(node, timeout_sec=0.02)
    number = 0
    while True:
        image.header.frame_id = str(number)
        stamps.fill(image.header.stamp, time.monotonic_ns())
        publisher.publish(image)
        number += 1
        time.sleep(PERIOD_S)


if __name__ == '__main__':
    send(sys.argv[1])
