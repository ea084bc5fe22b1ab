"""`surgical-perception register`: files in, result.json out, and a sentence for bad input."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from small_ct import SPACING_MM, write_small_ct

from surgical_perception import cli
from surgical_perception.evaluation import metrics
from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera, save_camera_yaml
from surgical_perception.several_values import spread
from xray_registration.simulation import siddon
from xray_registration.volume.attenuation import AttenuationConfig
from xray_registration.volume.loader import load_ct

CAMERA = PinholeCamera.from_carm(128, 128, sdd_mm=1000, du_mm=2.0)
SOURCE_TO_ISOCENTRE_M = 0.7

# Half a voxel of the CT: the X-rays are of its cubes, the DRRs of their interpolation.
LIMIT_MM = SPACING_MM / 2


@pytest.fixture(scope='module')
def ct_path(tmp_path_factory):
    return write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii.gz')


@pytest.fixture(scope='module')
def ct(ct_path):
    return load_ct(ct_path)


def counts(ct, carm_from_ct):
    """Project the CT to a raw 16-bit X-ray, bone dark."""
    attenuation = AttenuationConfig(bone_multiplier=1.2)
    line_integrals = siddon.project(ct, CAMERA, carm_from_ct, attenuation)
    return np.round(60000 * np.exp(-line_integrals)).astype(np.uint16)


@pytest.fixture(scope='module')
def truths(ct):
    """Return carm_from_ct of a frontal and a lateral shot, a little off the standard ones."""
    off = se3.exp([0.005, -0.008, 0.01, 0.03, -0.05, 0.04])
    return [
        off @ frames.carm_from_ct_at(name, ct.isocentre_m, SOURCE_TO_ISOCENTRE_M)
        for name in ('AP', 'LAT_L')
    ]


@pytest.fixture(scope='module')
def xrays(ct, truths):
    return [counts(ct, truth) for truth in truths]


@pytest.fixture
def files(tmp_path, ct_path, ct, truths, xrays):
    """Write good inputs of one view; return their paths by flag."""
    cv2.imwrite(str(tmp_path / 'x.png'), xrays[0])
    save_camera_yaml(tmp_path / 'cam.yaml', CAMERA)
    start = se3.perturb([0.008, 0, -0.01, 0.05, -0.04, 0.06], truths[0], [0, 0, 0.7])
    write_start(tmp_path / 'start.json', start)
    return {
        '--ct': ct_path,
        '--image': tmp_path / 'x.png',
        '--camera': tmp_path / 'cam.yaml',
        '--start': tmp_path / 'start.json',
        '--out': tmp_path / 'out',
    }


def write_start(path, reference_from_ct):
    path.write_text(json.dumps({'reference_from_ct': np.ravel(reference_from_ct).tolist()}))


def words(flags):
    found = ['register']
    for flag, values in flags.items():
        found += [flag, *map(str, values if isinstance(values, (list, tuple)) else [values])]
    return found


def result_of(flags):
    """Read result.json strictly: NaN is no JSON."""
    return json.loads((flags['--out'] / 'result.json').read_text(), parse_constant=pytest.fail)


def mtre_mm(result, truth, ct):
    half = 0.06 * np.array([[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    estimate = np.reshape(result['reference_from_ct'], (4, 4))
    return metrics.mtre_mm(estimate, truth, ct.isocentre_m + half)


def test_one_view_gives_pose_covariance_and_verdict(files, truths, ct):
    assert cli.main(words(files)) == 0
    result = result_of(files)
    assert result['status'] == 'OK', result['reason']
    assert mtre_mm(result, truths[0], ct) < LIMIT_MM
    assert np.shape(result['covariance']) == (36,)
    assert np.linalg.eigvalsh(np.reshape(result['covariance'], (6, 6))).min() > 0
    assert result['sigma_mm'][2] > max(result['sigma_mm'][:2])  # depth is the weak direction
    assert result['similarity'] > 0.9
    assert result['iterations'] > 0
    assert result['time_s'] > 0
    assert result['inputs']['ct']['sha256'] == ct.sha256
    assert result['versions']['surgical_perception']
    assert cv2.imread(str(files['--out'] / 'overlay_0.png')).shape[0] >= 512


@pytest.mark.parametrize('flags', [{}, {'--positions': ['PA', 'AP']}])
def test_without_a_start_an_ap_shot_is_found(files, truths, ct, flags):
    del files['--start']
    assert cli.main(words(files | flags)) == 0
    result = result_of(files)
    assert result['status'] == 'OK', result['reason']
    assert mtre_mm(result, truths[0], ct) < LIMIT_MM


def test_two_views_share_a_reference(files, tmp_path, truths, xrays, ct):
    reference_from_ct = se3.exp([0.1, 0.2, -0.1, 0.2, 0.1, -0.3])
    images, cameras = [], []
    for index, (truth, xray) in enumerate(zip(truths, xrays, strict=True)):
        images.append(tmp_path / f'view{index}.tif')
        cv2.imwrite(str(images[-1]), xray)
        cameras.append(tmp_path / f'cam{index}.yaml')
        camera_from_reference = truth @ se3.inverse(reference_from_ct)
        save_camera_yaml(cameras[-1], CAMERA, camera_from_reference=camera_from_reference)
    write_start(
        files['--start'],
        se3.perturb([0.006, -0.01, 0.005, 0.05, 0.03, -0.05], reference_from_ct, [0.1, 0.2, -0.1]),
    )
    flags = files | {'--image': images, '--camera': cameras}
    assert cli.main(words(flags)) == 0
    result = result_of(flags)
    assert result['status'] == 'OK', result['reason']
    assert mtre_mm(result, reference_from_ct, ct) < 0.5
    assert {p.name for p in files['--out'].glob('overlay_*.png')} == {
        'overlay_0.png',
        'overlay_1.png',
    }


@pytest.mark.parametrize('intensity', ['log', 'inverted'])
def test_other_intensities_and_npy(files, tmp_path, xrays, truths, ct, intensity):
    line_integrals = (np.log(60000) - np.log(np.maximum(xrays[0], 1))).astype(np.float32)
    np.save(tmp_path / 'x.npy', line_integrals if intensity == 'log' else -line_integrals)
    flags = files | {'--image': tmp_path / 'x.npy', '--intensity': intensity}
    assert cli.main(words(flags)) == 0
    assert mtre_mm(result_of(flags), truths[0], ct) < LIMIT_MM


def test_a_mask_hides_an_implant(files, tmp_path, xrays, truths, ct):
    damaged, mask = xrays[0].copy(), np.full(xrays[0].shape, 255, np.uint8)
    damaged[50:70, 40:75], mask[50:70, 40:75] = 1, 0
    cv2.imwrite(str(tmp_path / 'damaged.png'), damaged)
    cv2.imwrite(str(tmp_path / 'mask.png'), mask)
    flags = files | {'--image': tmp_path / 'damaged.png', '--mask': tmp_path / 'mask.png'}
    assert cli.main(words(flags)) == 0
    assert mtre_mm(result_of(flags), truths[0], ct) < LIMIT_MM


def test_noise_is_rejected_with_exit_code_0(files, tmp_path):
    noise = np.random.default_rng(0).integers(1000, 60000, (128, 128), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / 'noise.png'), noise)
    flags = files | {'--image': tmp_path / 'noise.png'}
    assert cli.main(words(flags)) == 0
    result = result_of(flags)
    assert result['status'] == 'REJECTED'
    assert result['reason']


def camera_text(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def two_views(files, tmp_path):
    return {'--image': [files['--image']] * 2, '--camera': [files['--camera']] * 2}


def saved(path, array):
    if path.suffix == '.npy':
        np.save(path, array)
    else:
        cv2.imwrite(str(path), array)
    return path


def written(path, content):
    path.write_bytes(content)
    return path


def scaled_start(path):
    pose = np.eye(4)
    pose[0, 0] = 1000.0
    write_start(path, pose)
    return path


GREY = np.full((128, 128), 7, np.uint8)
BAD = {
    'no such CT': (lambda f, d: {'--ct': d / 'none.nii.gz'}, 'none.nii.gz'),
    'CT is no CT': (lambda f, d: {'--ct': written(d / 'x.nii.gz', b'noise')}, 'x.nii.gz'),
    'no such image': (lambda f, d: {'--image': d / 'none.png'}, 'none.png'),
    'image is damaged': (lambda f, d: {'--image': written(d / 'y.png', b'noise')}, 'y.png'),
    'image is a jpeg': (lambda f, d: {'--image': written(d / 'y.jpg', b'noise')}, 'y.jpg'),
    'colour': (
        lambda f, d: {'--image': saved(d / 'c.png', np.dstack([GREY, GREY, GREY * 2]))},
        'colour',
    ),
    'wrong size': (lambda f, d: {'--image': saved(d / 's.png', GREY[:64])}, '128x64'),
    'NaN': (lambda f, d: {'--image': saved(d / 'n.npy', np.full((128, 128), np.nan))}, 'NaN'),
    'npy of integers': (lambda f, d: {'--image': saved(d / 'i.npy', GREY)}, 'uint8'),
    'npy of objects': (
        lambda f, d: {'--image': saved(d / 'o.npy', np.array([None, {}], object))},
        'o.npy',
    ),
    'blank': (lambda f, d: {'--image': saved(d / 'b.png', GREY * 0)}, 'no positive pixel'),
    'camera is no YAML': (lambda f, d: {'--camera': written(d / 'c.yaml', b'a: [')}, 'c.yaml'),
    'camera is uncalibrated': (
        lambda f, d: {'--camera': written(d / 'c.yaml', b'image_width: 128\nimage_height: 128')},
        'c.yaml',
    ),
    'unequal numbers': (lambda f, d: {'--image': [f['--image']] * 2}, '2 images but 1 cameras'),
    'several views, one place': (two_views, 'camera_from_reference is missing'),
    'start is no JSON': (lambda f, d: {'--start': written(d / 's.json', b'{')}, 's.json'),
    'start without pose': (lambda f, d: {'--start': written(d / 's.json', b'[]')}, 's.json'),
    'start with 3 numbers': (
        lambda f, d: {'--start': written(d / 's.json', b'{"reference_from_ct": [1, 2, 3]}')},
        '3 numbers',
    ),
    'start is not rigid': (lambda f, d: {'--start': scaled_start(d / 's.json')}, 'not rigid'),
    'start is binary': (lambda f, d: {'--start': written(d / 's.json', b'\xff\xfe')}, 's.json'),
    'unknown intensity': (lambda f, d: {'--intensity': 'log10'}, "'log10'"),
    'unknown position': (lambda f, d: {'--positions': ['AP', 'RAO']}, 'RAO'),
    'no distance': (lambda f, d: {'--source-to-isocentre-mm': -700}, '-700'),
    'mask of wrong size': (lambda f, d: {'--mask': saved(d / 'm.png', GREY[:, :64])}, '64x128'),
    'empty mask': (lambda f, d: {'--mask': saved(d / 'm.png', GREY * 0)}, '0 everywhere'),
    'two masks': (lambda f, d: {'--mask': [f['--image']] * 2}, '2 masks'),
    'out is a file': (lambda f, d: {'--out': written(d / 'file', b'')}, 'no folder'),
    'unknown flag': (lambda f, d: {'--imgae': 'x'}, '--imgae'),
}


@pytest.mark.parametrize('case', BAD)
def test_bad_input_is_one_sentence_and_exit_code_2(files, tmp_path, capfd, case):
    change, named = BAD[case]
    assert cli.main(words(files | change(files, tmp_path))) == 2
    stdout, stderr = capfd.readouterr()
    assert stdout == ''
    assert named in stderr
    assert stderr.count('\n') == 1
    assert not (files['--out'] / 'result.json').exists()


def test_non_rigid_camera_is_refused(files, tmp_path, capfd):
    mirrored = np.diag([1.0, 1.0, -1.0, 1.0])
    save_camera_yaml(files['--camera'], CAMERA, camera_from_reference=mirrored)
    assert cli.main(words(files)) == 2
    assert 'mirrored' in capfd.readouterr().err


def test_missing_flag_names_it(capfd):
    assert cli.main(['register', '--ct', 'x']) == 2
    assert capfd.readouterr().err.count('\n') == 1


def test_lists_in_both_spellings():
    flags = {'--image', '--mask'}
    expected = ['--image', 'a', '--image', 'b', '--out', 'c']
    assert spread(['--image', 'a', 'b', '--out', 'c'], flags) == expected
    assert spread(expected, flags) == expected
    assert spread(['--image=a', 'b'], flags) == ['--image=a', '--image', 'b']
    assert spread(['--out', 'c', 'd'], flags) == ['--out', 'c', 'd']


def test_help_is_fast_because_it_loads_no_half():
    code = (
        'import sys; from surgical_perception import cli; code = cli.main(["register", "--help"]);'
        'halves = {"torch", "numba", "xray_registration", "surg_invnerf"} & set(sys.modules);'
        'sys.exit(code or len(halves))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '--camera' in done.stdout


def test_ctrl_c_ends_without_a_traceback(files, capfd, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('xray_registration.register_cli.load_ct', interrupted)
    assert cli.main(words(files)) == cli.INTERRUPTED
    assert capfd.readouterr().err == 'surgical-perception: interrupted\n'


def params_file(path, **accept):
    path.write_text(json.dumps({'/**': {'ros__parameters': {'accept': accept}}}))
    return path


def test_parameters_of_the_node_hold_for_files_too(files, tmp_path):
    given = params_file(tmp_path / 'params.yaml', max_cost_ok=0.0, advise=False)
    assert cli.main(words(files | {'--params-file': given})) == 0
    result = result_of(files)
    assert result['status'] == 'DEGRADED'
    assert result['config']['gate']['max_cost_ok'] == 0.0
    assert result['observability'] is None


def test_a_misspelt_parameter_is_named(files, tmp_path, capsys):
    given = params_file(tmp_path / 'params.yaml', max_cost_okk=0.0)
    assert cli.main(words(files | {'--params-file': given})) == 2
    assert 'max_cost_okk' in capsys.readouterr().err
