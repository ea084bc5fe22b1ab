"""Named QoS profiles, and words for them."""

import copy

from rclpy.qos import (
    DurabilityPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions, QoSPolicyKind

SENSOR = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
SINGLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
RESULTS = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def overridable(profile):
    """
    Return arguments of create_subscription that let users adapt an input to its publisher.

    The parameters are `qos_overrides.<topic>.subscription.*`.  rclpy writes them into the profile
    that it is given, hence the copy.
    """
    policies = [QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY]
    return {
        'qos_profile': copy.copy(profile),
        'qos_overriding_options': QoSOverridingOptions(policies),
    }


def incompatibility(offered, requested):
    """Return why a publisher's QoS does not serve a subscription's, '' where it does."""
    compatibility, reason = qos_check_compatible(offered, requested)
    return reason.strip().rstrip(';') if compatibility == QoSCompatibility.ERROR else ''
