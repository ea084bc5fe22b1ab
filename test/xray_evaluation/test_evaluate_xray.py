"""`surgical-perception evaluate` of a C-arm's bag: errors, provenance, and what it is without."""

import numpy as np
import pytest
from xray_runs import copy_bag, evaluate, replayed

from surgical_perception import bag_messages, cli
from surgical_perception.bags import BagReader, BagWriter
from surgical_perception.evaluation import results
from surgical_perception.geometry import se3
from xray_registration.demo import bag as demo_bag
from xray_registration.evaluation.summary import summarise


def values(result):
    return {name: metric['value'] for name, metric in result['metrics'].items()}


def test_every_shot_has_its_errors_and_the_page_its_pictures(recorded, result):
    folder, found = result
    shots = found['shots']
    assert [shot['stamp_ns'] for shot in shots] == [s.stamp_ns for s in recorded.scene.shots]
    *shown, dark = shots
    for shot, truth in zip(shown, recorded.scene.truth, strict=False):
        assert shot['verdict'] == 'OK', shot['reason']
        assert shot['mtre_mm'] < 3.0  # a voxel
        # The numbers must be those of the poses beside them.
        error = np.reshape(shot['reference_from_ct'], (4, 4)) @ se3.inverse(truth)
        assert shot['rotation_deg'] == pytest.approx(np.degrees(se3.rotation_angle(error)))
        fx = recorded.scene.camera.fx
        assert shot['mpe_mm'] == pytest.approx(shot['mpe_px'] * 1020 / fx)
        # Blind to the depth, a projection error says less than one in 3D.
        assert shot['mrpe_mm'] <= shot['mtre_mm'] + 1e-9
    assert dark['verdict'] == 'REJECTED'
    assert dark['mtre_mm'] is None
    assert shots[0]['start'] == 'initial_pose'
    assert shots[1]['start'] == 'previous'
    assert shots[1]['start_mtre_mm'] == pytest.approx(shots[0]['mtre_mm'], rel=1e-6)
    numbers = values(found)
    below = sum(shot['mtre_mm'] < 1 for shot in shown)
    assert numbers['smsr'] == pytest.approx(below / 4)  # the dark one counts as a failure
    assert numbers['rejected'] == 1
    assert numbers['mtre_p95'] is None  # infinite
    page = (folder / 'report.html').read_text()
    assert page.count('data:image/png') == 3
    assert '95 % interval' in page
    assert found['inputs']['bag']['sha256'] in page


def test_a_result_says_from_what_it_was_made(recorded, result):
    _, found = result
    assert found['inputs']['ct']['sha256'] == results.sha256_of(recorded.ct)
    assert found['inputs']['bag']['sha256'] == results.sha256_of(recorded.bag)
    assert found['config']['parameters']['reference_frame'] == 'patient'
    assert found['config']['registration']['levels']
    assert found['versions']['surgical_perception']
    assert found['topics']['truth'] == demo_bag.TRUTH


def test_the_same_bag_gives_the_same_bits_whatever_its_format(
    recorded, result, pipeline, tmp_path
):
    twin = copy_bag(recorded.bag, tmp_path / 'twin', storage='sqlite3')
    _, again = replayed(twin, pipeline)
    for shot, other in zip(result[1]['shots'], again, strict=True):
        for name in ('stamp_ns', 'verdict', 'similarity', 'mtre_mm'):
            assert shot[name] == other[name] or (shot[name] is None and np.isnan(other[name]))
        if shot['reference_from_ct'] is None:
            assert other['reference_from_ct'] is None
        else:
            np.testing.assert_array_equal(shot['reference_from_ct'], other['reference_from_ct'])
        np.testing.assert_array_equal(shot['sigma_mm'], other['sigma_mm'])


def test_without_a_truth_nothing_is_called_accurate(recorded, tmp_path):
    blind = copy_bag(recorded.bag, tmp_path / 'blind', without=[demo_bag.TRUTH])
    parameters = tmp_path / 'file.yaml'
    parameters.write_text(
        f'/**:\n  ros__parameters:\n    ct: {{path: {recorded.ct}}}\n    method: lm\n'
    )
    found = evaluate(blind, tmp_path / 'out', '--params-file', parameters)
    numbers = values(found)
    assert not {'smsr', 'mtre_median', 'ellipsoids', 'start_mtre'} & set(numbers)
    assert numbers['ok'] == 3
    assert numbers['similarity'] > 0.8
    assert 0 < numbers['sigma_depth'] < 15
    # Neighbours of the first pose repeat it, over the patient's motion they do not.
    steps = [shot['step_mm'] for shot in found['shots']]
    assert steps[0] is steps[3] is None
    assert steps[1] < 3 < steps[2]
    page = (tmp_path / 'out' / 'report.html').read_text()
    assert 'No truth, no accuracy' in page
    assert 'Percentiles' not in page
    assert found['inputs']['params_file']['sha256'] == results.sha256_of(parameters)


def test_starts_around_the_truth_give_the_capture_range(recorded, tmp_path):
    one = tmp_path / 'one'
    with BagReader(recorded.bag) as bag, BagWriter(one) as copy:
        for name, topic in bag.topics.items():
            copy.add_topic(name, topic.type)
        last_ns = recorded.scene.shots[0].stamp_ns
        for name, stamp_ns, data in bag.raw():
            if stamp_ns <= last_ns + 20_000_000:  # the tracker's sample behind it too
                copy.write(name, stamp_ns, data)
    found = evaluate(one, tmp_path / 'out', '--ct', recorded.ct, '--starts', 3)
    starts = [trial['start_mtre_mm'] for trial in found['trials']]
    assert [int(mm // (40 / 3)) for mm in starts] == [0, 1, 2]
    assert 0 <= values(found)['capture_range'] <= 40
    assert 'Capture range' in (tmp_path / 'out' / 'report.html').read_text()


def test_a_truth_in_another_frame_is_brought_into_the_reference(
    recorded, result, pipeline, tmp_path
):
    moved = tmp_path / 'moved'
    world_from_patient = se3.exp([0.3, -0.2, 0.1, 0.4, -0.3, 0.2])
    with BagReader(recorded.bag) as bag, BagWriter(moved) as copy:
        for name, topic in bag.topics.items():
            copy.add_topic(name, topic.type)
        copy.add_topic('/tf_static', demo_bag.TOPICS[demo_bag.TF])
        begin = recorded.scene.start_ns
        tf = bag_messages.tf(begin, 'world', 'patient', world_from_patient)
        copy.write('/tf_static', begin, tf)
        for name, stamp_ns, data in bag.raw([n for n in bag.topics if n != demo_bag.TRUTH]):
            copy.write(name, stamp_ns, data)
        for shot, truth in zip(recorded.scene.shots, recorded.scene.truth, strict=True):
            pose = bag_messages.pose_stamped(shot.stamp_ns, 'world', world_from_patient @ truth)
            copy.write(demo_bag.TRUTH, shot.stamp_ns, pose)
    _, found = replayed(moved, pipeline)
    for shot, other in zip(result[1]['shots'][:3], found, strict=False):
        assert other['mtre_mm'] == pytest.approx(shot['mtre_mm'], abs=1e-6)


def test_without_tf_every_shot_is_refused_with_the_reason(recorded, pipeline, tmp_path):
    lost = copy_bag(recorded.bag, tmp_path / 'lost', without=[demo_bag.TF])
    found, table = replayed(lost, pipeline)
    assert {row['verdict'] for row in table} == {'REJECTED'}
    assert all('TF missing at the stamp' in row['reason'] for row in table)
    assert all(outcome.camera == recorded.scene.camera for outcome in found.outcomes)
    assert summarise(table)['smsr'].value == 0


def test_masks_of_a_bag_are_used_and_bad_ones_named(recorded, pipeline, tmp_path):
    masked, mask = tmp_path / 'masked', '/carm/mask'
    half = np.full((128, 128), 255, np.uint8)
    half[:, :50] = 0
    stamps_ns = [shot.stamp_ns for shot in recorded.scene.shots]
    with BagReader(recorded.bag) as bag, BagWriter(masked) as copy:
        for name, topic in bag.topics.items():
            copy.add_topic(name, topic.type)
        copy.add_topic(mask, 'sensor_msgs/msg/Image')
        copy.write(mask, 0, bag_messages.image(stamps_ns[0], 'carm_optical', half, 'mono8'))
        copy.write(mask, 1, bag_messages.image(0, 'carm_optical', half, 'mono8'))
        for name, stamp_ns, data in bag.raw():
            copy.write(name, stamp_ns, data)
    found, table = replayed(masked, pipeline)
    assert 'mask' in table[0]['remarks'], table[0]['remarks']
    assert found.notes == [
        'mask ignored: mask of view carm has stamp 0: its driver must set header.stamp'
    ]


REFUSED = {
    'no CT': ([], 'no CT: name it with --ct'),
    'no such CT': (['--ct', 'none.nii.gz'], 'none.nii.gz'),
    'no such parameter': (['--ct', 'x', '--param', 'acept.max=1'], 'is not a parameter'),
    'no parameter at all': (['--ct', 'x', '--param', 'reference_frame'], 'expected NAME=VALUE'),
    'no such truth': (['--ct', 'x', '--truth-topic', '/t'], 'has no topic /t of type geometry'),
    'no such image': (['--ct', 'x', '--image-topic', '/i'], 'has no topic /i of type sensor'),
    'two images for one view': (
        ['--ct', 'x', '--image-topic', '/a', '--image-topic', '/b'],
        '2 image topics but views',
    ),
    'views that are not there': (
        ['--ct', 'x', '--param', 'views=[frontal, lateral]'],
        'the images are /carm/image_rect',
    ),
    'options of the other half': (['--tracks', 'x.npz'], '--tracks does not belong'),
}


@pytest.mark.parametrize('case', REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(recorded, tmp_path, capsys, case):
    words, reason = REFUSED[case]
    words = ['evaluate', str(recorded.bag), '--out', str(tmp_path / 'out'), *words]
    assert cli.main(words) == 2
    *guess, text = capsys.readouterr().err.strip().splitlines()
    assert reason in text
    assert bool(guess) == ('--ct' not in words)
    assert not (tmp_path / 'out' / 'result.json').exists()
