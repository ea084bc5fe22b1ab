"""The demo's scene, its bag and its evaluation, each against what is known in advance."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from small_ct import write_small_ct

from surgical_perception import bag_messages
from surgical_perception.bags import BagReader, BagWriter, message_class, read_messages
from surgical_perception.errors import InputError
from surgical_perception.evaluation import metrics
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.images import image_from_message
from surgical_perception.ros import stamps
from xray_registration.demo import bag as demo_bag
from xray_registration.demo import evaluate
from xray_registration.demo.scene import TRACKER_HZ, DemoConfig, make_scene
from xray_registration.evaluation.rows import rows
from xray_registration.simulation.trajectory import OrbitConfig
from xray_registration.volume.loader import load_ct

CONFIG = DemoConfig(
    shots=4, moved_at_shot=2, period_s=0.5, tail_s=0.5, orbit=OrbitConfig(image_size=32)
)
POINTS = 0.05 * np.array([[1.0, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])


@pytest.fixture(scope='module')
def ct(tmp_path_factory):
    return load_ct(write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii.gz'))


@pytest.fixture(scope='module')
def scene(ct):
    return make_scene(ct.isocentre_m, CONFIG)


@pytest.fixture(scope='module')
def bag(ct, scene, tmp_path_factory):
    shots = []
    path = demo_bag.cached_bag(
        tmp_path_factory.mktemp('cache'), ct, scene, CONFIG, lambda: shots.append(1)
    )
    assert len(shots) == CONFIG.shots
    return path


def test_a_demo_without_a_start_tells_none(ct, bag, tmp_path):
    untold = make_scene(ct.isocentre_m, replace(CONFIG, tells_start=False))
    assert untold.start is None
    demo_bag.write_bag(tmp_path / 'untold', ct, untold, CONFIG)
    topics = [
        {topic for topic, _, _ in read_messages(path)} for path in (bag, tmp_path / 'untold')
    ]
    assert topics[0] - topics[1] == {demo_bag.INITIAL_POSE}


def test_start_and_movement_are_as_large_as_the_settings_say(ct, scene):
    def moved_mm(a, b):
        return metrics.camera_axes_error_mm(a, b, ct.isocentre_m, np.eye(4))

    np.testing.assert_allclose(
        moved_mm(scene.start, scene.truth[0]), CONFIG.start_error_mm, atol=1e-6
    )
    assert metrics.rotation_error_deg(scene.start, scene.truth[0]) == pytest.approx(
        np.linalg.norm(CONFIG.start_error_deg)
    )
    np.testing.assert_allclose(
        moved_mm(scene.truth[2], scene.truth[1]), CONFIG.moved_mm, atol=1e-6
    )
    assert np.array_equal(scene.truth[0], scene.truth[1])
    # Had patient and CT the same axes, a node that mixed them up would pass.
    assert metrics.rotation_error_deg(scene.truth[0], np.eye(4)) > 5


def test_images_fall_halfway_between_the_samples_of_the_tracker(ct):
    scene = make_scene(ct.isocentre_m, DemoConfig())
    half_ns = round(1e9 / TRACKER_HZ / 2)
    sampled = {pose.stamp_ns: pose.patient_from_carm for pose in scene.tracker}
    isocentre = np.array([0, 0, 0.7])
    for shot in scene.shots:
        assert shot.stamp_ns not in sampled
        between = se3.interpolate(
            sampled[shot.stamp_ns - half_ns], sampled[shot.stamp_ns + half_ns], 0.5
        )
        # What interpolation costs must not show in the errors of the demo.
        assert metrics.mtre_mm(between, shot.patient_from_carm, POINTS + isocentre) < 0.001


def test_bag_holds_the_sequence_in_order(bag, scene):
    with BagReader(bag) as reader:
        assert {name: topic.type for name, topic in reader.topics.items()} == demo_bag.TOPICS
        times = [stamp for _, stamp, _ in reader.raw()]
        assert reader.topics[demo_bag.IMAGE].count == CONFIG.shots
    assert times == sorted(times)
    images = [message for _, _, message in read_messages(bag, [demo_bag.IMAGE])]
    assert [stamps.to_ns(image.header.stamp) for image in images] == [
        shot.stamp_ns for shot in scene.shots
    ]
    pixels = [image_from_message(image) for image in images]
    assert {(image.dtype, image.shape) for image in pixels} == {(np.dtype('uint16'), (32, 32))}
    assert pixels[0].mean() > 10 * pixels[-1].mean()  # the last shot has no exposure
    info = next(message for _, _, message in read_messages(bag, [demo_bag.CAMERA_INFO]))
    assert PinholeCamera.from_camera_info(info) == scene.camera
    first_tf = next(message for _, _, message in read_messages(bag, [demo_bag.TF])).transforms[0]
    assert (first_tf.header.frame_id, first_tf.child_frame_id) == ('patient', 'carm_optical')


def test_bag_is_made_once_per_content(bag, ct, scene):
    def unexpected():
        pytest.fail('the bag was made again')

    assert demo_bag.cached_bag(bag.parent, ct, scene, CONFIG, unexpected) == bag
    other = demo_bag.cached_bag(bag.parent, ct, scene, replace(CONFIG, seed=2), lambda: None)
    assert other != bag
    assert sorted(path.name for path in bag.parent.iterdir()) == sorted([bag.name, other.name])


def record(path, scene, estimates, verdicts, tf_offset=None):
    """Write a recording: poses where an estimate is given, statuses where a verdict is."""
    tf_offset = np.eye(4) if tf_offset is None else tf_offset
    pair = message_class('diagnostic_msgs/msg/KeyValue')
    status = message_class('diagnostic_msgs/msg/DiagnosticStatus')
    with BagWriter(path) as writer:
        writer.add_topic(evaluate.POSE, demo_bag.TOPICS[demo_bag.INITIAL_POSE])
        writer.add_topic(evaluate.STATUS, 'diagnostic_msgs/msg/DiagnosticStatus')
        for topic in (demo_bag.TRUTH, demo_bag.TF):
            writer.add_topic(topic, demo_bag.TOPICS[topic])
        for i, shot in enumerate(scene.shots):
            ns = shot.stamp_ns
            writer.write(
                demo_bag.TRUTH,
                ns,
                bag_messages.pose_stamped(ns, demo_bag.PATIENT_FRAME, scene.truth[i]),
            )
            if estimates[i] is not None:
                writer.write(evaluate.POSE, ns, demo_bag._start_message(ns, estimates[i]))
                pose = SimpleNamespace(stamp_ns=ns, patient_from_carm=estimates[i] @ tf_offset)
                transform = demo_bag._tracker_message(pose)
                transform.transforms[0].child_frame_id = 'ct'
                writer.write(demo_bag.TF, ns, transform)
            if verdicts[i]:
                values = {'image_stamp': stamps.text(ns), 'verdict': verdicts[i], 'time_s': '0.5'}
                writer.write(
                    evaluate.STATUS,
                    ns,
                    status(
                        level=0,
                        name='',
                        message='',
                        hardware_id='',
                        values=[pair(key=k, value=v) for k, v in values.items()],
                    ),
                )
    return path


def test_evaluation_finds_the_errors_that_were_put_in(tmp_path, scene):
    shift = se3.exp([0.0003, 0, 0, 0, 0, 0])
    estimates = [shift @ scene.truth[0], None, shift @ scene.truth[2], None]
    recording = record(tmp_path / 'bag', scene, estimates, ['OK', '', 'DEGRADED', 'REJECTED'])
    outcomes = evaluate.read_outcomes(recording, scene)
    table = rows(outcomes, POINTS, np.zeros(3))
    assert [row['mtre_mm'] for row in table] == pytest.approx(
        [0.3, np.nan, 0.3, np.nan], nan_ok=True
    )
    # Before a shot the last accepted pose is known; at first, the given start.
    assert np.allclose(outcomes[0].start, scene.start)
    assert table[1]['start_mtre_mm'] == pytest.approx(0.3)
    tf_mm = evaluate.tf_disagreement_mm(recording, POINTS)
    numbers = evaluate.summarise_demo(table, scene.exposed, tf_mm)
    values = {name: metric.value for name, metric in numbers.items()}
    assert values['shots'] == 3
    assert values['smsr'] == pytest.approx(2 / 3)  # the dropped shot counts as a failure
    assert values['dropped'] == 1
    assert values['dark_rejected'] == 1
    assert values['mtre_median'] == pytest.approx(0.3)
    assert np.isinf(values['mtre_p95'])
    assert values['tf_disagreement'] == pytest.approx(0, abs=1e-9)


def test_evaluation_notices_a_tf_that_differs_or_is_missing(tmp_path, scene):
    offset = se3.exp([0.002, 0, 0, 0, 0, 0])
    recording = record(tmp_path / 'bag', scene, scene.truth, ['OK'] * 4, tf_offset=offset)
    assert evaluate.tf_disagreement_mm(recording, POINTS) == pytest.approx(2.0)
    nothing = record(tmp_path / 'nothing', scene, [None] * 4, [''] * 4)
    assert np.isinf(evaluate.tf_disagreement_mm(nothing, POINTS))


def test_a_recording_without_results_or_truth_is_refused(tmp_path, scene):
    nothing = record(tmp_path / 'nothing', scene, [None] * 4, [''] * 4)
    with pytest.raises(InputError, match='published nothing'):
        evaluate.read_outcomes(nothing, scene)
    later = replace(scene, shots=[replace(s, stamp_ns=s.stamp_ns + 1) for s in scene.shots])
    shifted = record(tmp_path / 'shifted', later, scene.truth, ['OK'] * 4)
    with pytest.raises(InputError, match='4 of 4 truths are missing'):
        evaluate.read_outcomes(shifted, scene)
