"""Subscriptions that can say why nothing arrives."""

import time

from surgical_perception.ros import qos


class InputTopic:
    """
    One subscription with its bookkeeping.

    `count` messages have arrived, the last at `last_s` of the steady clock (None before).
    """

    def __init__(self, node, message_type, topic, callback, profile=qos.SENSOR):
        self.count = 0
        self.last_s = None
        self._node = node
        self._callback = callback
        self._subscription = node.create_subscription(
            message_type, topic, self._on_message, **qos.overridable(profile)
        )
        self.topic = self._subscription.topic_name
        # sensor_msgs/msg/Image, from a class that calls itself sensor_msgs.msg._image.Image
        package, _, _ = message_type.__module__.partition('.')
        self.type_name = f'{package}/msg/{message_type.__name__}'

    def _on_message(self, message):
        self.count += 1
        self.last_s = time.monotonic()
        self._callback(message)

    def destroy(self):
        """End the subscription."""
        self._node.destroy_subscription(self._subscription)

    def obstacle(self):
        """Return why no message can arrive, '' where a publisher fits."""
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        if not publishers:
            return f'{self.topic}: no publisher{self._elsewhere()}'
        types = {info.topic_type for info in publishers}
        if self.type_name not in types:
            return f'{self.topic}: published as {", ".join(sorted(types))}, not {self.type_name}'
        reasons = [
            qos.incompatibility(info.qos_profile, self._subscription.qos_profile)
            for info in publishers
        ]
        if all(reasons):
            return (
                f'{self.topic}: incompatible QoS ({reasons[0]}): change the publisher, or set '
                f'qos_overrides.{self.topic}.subscription.*'
            )
        return ''

    def cause(self):
        """Return why nothing has arrived, '' where something has and may again."""
        return self.obstacle() or ('' if self.count else f'{self.topic}: published, but silent')

    def describe(self):
        """Return one line: resolved name, type, publishers found."""
        count = len(self._node.get_publishers_info_by_topic(self.topic))
        found = self.obstacle() or f'{self.topic}: {count} publisher(s), QoS matches'
        return f'{found} [{self.type_name}]'

    def _elsewhere(self):
        """Name other topics of the type: the usual cause is a missing remapping."""
        node = self._node
        others = sorted(
            name
            for name, types in node.get_topic_names_and_types()
            if self.type_name in types
            and any(
                info.node_name != node.get_name()
                for info in node.get_publishers_info_by_topic(name)
            )
        )
        return f' (this type is published on {", ".join(others[:3])}: remap?)' if others else ''


class SilenceWatch:
    """
    Says, once per cause, why no complete input has come for a while.

    A C-arm that simply takes no image is no fault: silence without a cause is not reported.
    """

    def __init__(self, say, causes):
        self._say = say
        self._causes = causes
        self._since_s = time.monotonic()
        self._said = []

    def fed(self):
        """Note that a complete input came."""
        self._since_s = time.monotonic()

    def check(self, timeout_s):
        """Return the present causes; each new one is said after `timeout_s` of silence."""
        causes = self._causes()
        if time.monotonic() - self._since_s < timeout_s:
            return causes
        for cause in causes:
            if cause not in self._said:
                self._say(f'no input for {timeout_s:g} s: {cause}')
        self._said = causes
        return causes
