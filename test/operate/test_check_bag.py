"""What check-bag says of bags with one fault each, and of good ones."""

import shlex
import xml.etree.ElementTree as ET
from pathlib import Path

import faulty_bags as bags
import numpy as np
import pytest
from bag_faults import ENDO_FAULTS, IMAGE, INFO, TF, XRAY_FAULTS, on, turned
from faulty_bags import carm_items, stereo_items

from surg_invnerf import bag_check as endo
from surgical_perception import cli
from surgical_perception.bag_check.page import LAUNCH_FILE, command
from surgical_perception.bag_check.survey import survey_bag
from surgical_perception.errors import InputError
from surgical_perception.findings import Level
from xray_registration import bag_check as xray

LAUNCH = Path(__file__).resolve().parents[2] / 'launch' / LAUNCH_FILE


def said(check):
    return '\n'.join([check.summary, *(f'{f.about}: {f.text}' for f in check.findings)])


def test_a_good_carm_bag(tmp_path):
    survey = survey_bag(bags.write(tmp_path / 'bag', carm_items()))
    check = xray.check(survey, {})
    assert check.usable
    assert check.findings == []
    assert check.summary == "6 of 6 X-rays could be registered, in frame 'patient'"
    assert check.arguments['reference_frame'] == 'patient'
    assert check.images == {'carm': IMAGE}
    assert endo.check(survey, {}).usable is None


@pytest.mark.parametrize('name', XRAY_FAULTS)
def test_each_fault_of_a_carm_bag_is_named(tmp_path, name):
    change, words, good = XRAY_FAULTS[name]
    survey = survey_bag(bags.write(tmp_path / 'bag', change(carm_items())))
    check = xray.check(survey, {})
    assert words in said(check)
    if good is not None:
        assert check.summary.startswith(f'{good} of ')
        assert check.usable == (good > 0)


def test_camera_info_mode_of_the_parameters_is_used(tmp_path):
    change, _, _ = XRAY_FAULTS['info of other stamps']
    survey = survey_bag(bags.write(tmp_path / 'bag', change(carm_items())))
    assert xray.check(survey, {'camera_info_mode': 'latest'}).summary.startswith('6 of 6')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (on(INFO, lambda item: None), 'with camera_info beside it is wanted'),
        (lambda items: [bags.text_item()], 'the images are none'),
    ],
)
def test_what_is_no_carm_bag_is_told_what_is_missing(tmp_path, change, words):
    survey = survey_bag(bags.write(tmp_path / 'bag', change(carm_items())))
    check = xray.check(survey, {})
    assert check.usable is None
    assert words in check.summary


def test_a_good_endoscope_bag(tmp_path):
    survey = survey_bag(bags.write(tmp_path / 'bag', stereo_items()))
    check = endo.check(survey, {})
    assert check.usable
    assert check.findings == []
    assert check.summary == '6 of 6 stereo pairs could be tracked'
    assert check.arguments['world_frame'] == 'base'
    assert xray.check(survey, {}).usable is None


@pytest.mark.parametrize('name', ENDO_FAULTS)
def test_each_fault_of_an_endoscope_bag_is_named(tmp_path, name):
    change, words, good = ENDO_FAULTS[name]
    survey = survey_bag(bags.write(tmp_path / 'bag', change(stereo_items())))
    check = endo.check(survey, {})
    assert words in said(check)
    if good is not None:
        assert check.summary.startswith(f'{good} of ')


def test_transforms_that_are_ignored_are_counted(tmp_path):
    survey = survey_bag(bags.write(tmp_path / 'bag', on(TF, turned)(carm_items())))
    (problem,) = survey.tree.problems()
    assert problem.startswith("transform from 'carm' to 'patient': the quaternion has norm 0.9")
    assert '(140 times)' in problem


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_the_command_prints_frames_reasons_and_what_to_run(tmp_path, capsys, storage):
    path = bags.write(tmp_path / 'bag', [*carm_items(), bags.text_item('/own/notes')], storage)
    picture = tmp_path / 'pictures' / 'frames.png'
    assert cli.main(['check-bag', str(path), '--frames', str(picture)]) == 0
    text = capsys.readouterr().out
    for words in (
        '7.0 s, 154 messages on 5 topics',
        'sensor_msgs/CameraInfo',
        '└─ carm  (moving, 20 Hz',
        "6 of 6 X-rays could be registered, in frame 'patient'",
        'surg_invnerf_node would get nothing',
        f'bag:={path} xray:=true ct:=YOUR_CT image:=/carm/image_rect',
    ):
        assert words in text
    assert picture.read_bytes().startswith(b'\x89PNG')


def test_exit_code_1_where_no_node_would_work(tmp_path, capsys):
    items = XRAY_FAULTS['uncalibrated'][0](carm_items())
    assert cli.main(['check-bag', str(bags.write(tmp_path / 'bag', items))]) == 1
    assert 'K[0] = SDD / pixel size' in capsys.readouterr().out


def test_parameters_from_a_file(tmp_path, capsys):
    path = bags.write(tmp_path / 'bag', XRAY_FAULTS['info of other stamps'][0](carm_items()))
    file = tmp_path / 'mine.yaml'
    file.write_text('/**:\n  ros__parameters: {camera_info_mode: latest, intensity: raw}\n')
    assert cli.main(['check-bag', str(path), '--params-file', str(file)]) == 0
    assert f'xray_params_file:={file}' in capsys.readouterr().out
    file.write_text('/**:\n  ros__parameters: {intensity: loud}\n')
    assert cli.main(['check-bag', str(path), '--params-file', str(file)]) == 2
    assert 'intensity' in capsys.readouterr().err


def test_what_is_to_run_fits_the_launch_file(tmp_path):
    known = {arg.get('name') for arg in ET.parse(LAUNCH).getroot().findall('arg')}
    for check, items in ((xray.check, carm_items()), (endo.check, stereo_items())):
        survey = survey_bag(bags.write(tmp_path / check.__module__, items))
        words = shlex.split(command(survey.path, check(survey, {})))
        given = {word.partition(':=')[0] for word in words if ':=' in word}
        assert given <= known
        assert 'bag' in given


def test_errors_stand_before_warnings(tmp_path, capsys):
    late = XRAY_FAULTS['TF begins late'][0]
    weak = XRAY_FAULTS['best-effort TF'][0]
    survey = survey_bag(bags.write(tmp_path / 'bag', weak(late(carm_items()))))
    levels = {finding.level for finding in xray.check(survey, {}).findings}
    assert levels == {Level.WARNING, Level.ERROR}
    cli.main(['check-bag', str(tmp_path / 'bag')])
    text = capsys.readouterr().out
    assert text.index('error') < text.index('warning')


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_flipped_bytes_are_refused_or_read_but_never_crash(tmp_path, storage):
    path = bags.write(tmp_path / 'bag', [*carm_items(2), *stereo_items(2)], storage)
    (file,) = (f for f in path.iterdir() if f.suffix in ('.mcap', '.db3'))
    content, rng = file.read_bytes(), np.random.default_rng(7)
    outcomes = set()
    for _ in range(5):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[rng.integers(len(content), size=5)] = rng.integers(256, size=5)
        file.write_bytes(damaged.tobytes())
        try:
            survey = survey_bag(path)
            xray.check(survey, {}), endo.check(survey, {}), survey.tree.text()
            outcomes.add('read')
        except InputError as error:
            assert str(path) in str(error)
            outcomes.add('refused')
    assert 'refused' in outcomes
