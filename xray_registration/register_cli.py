"""`surgical-perception register`: files in, `result.json` and overlays out, no ROS."""

import json
from pathlib import Path

from rich.console import Console

from surgical_perception import parameters as schema
from surgical_perception.errors import InputError
from surgical_perception.evaluation import results
from surgical_perception.geometry import se3
from surgical_perception.parameter_files import read_values
from xray_registration.assembly import load_networks
from xray_registration.calibration import corrected_views
from xray_registration.image_files import save_picture
from xray_registration.landmark_start import landmark_start
from xray_registration.masks.automatic import with_masks
from xray_registration.parameters import XrayRegistrationParameters, registration_config
from xray_registration.pipeline import RegistrationPipeline
from xray_registration.search.hypotheses import check_search
from xray_registration.view_files import file_of, load_views
from xray_registration.volume.loader import load_ct

NODE = 'xray_registration_node'


def run(
    ct_path,
    image_paths,
    camera_paths,
    out,
    start_path,
    intensity=None,
    mask_paths=(),
    flip=None,
    parameters=None,
    landmarks_path=None,
):
    """
    Register and write `out`/result.json and `out`/overlay_<n>.png; return the Result.

    The arguments are those of the command line (paths; lists for images, cameras, masks) and the
    node's parameters.  Raises InputError for anything that cannot be used, before the CT is
    loaded wherever possible.
    """
    console = Console(stderr=True)
    out, parameters = Path(out), parameters or XrayRegistrationParameters()
    config = registration_config(parameters)
    check_search(config)
    mask_paths = mask_paths or parameters.masks.path
    files = load_views(image_paths, camera_paths, mask_paths, intensity, flip)
    views, masks = with_masks(files.views, config.masks)
    start = load_start(start_path) if start_path else None
    if landmarks_path:
        if start_path:
            raise InputError('--start and --landmarks-2d both say where to begin: give one')
        start = landmark_start(landmarks_path, views)
    _make_folder(out)
    with console.status('loading the CT'):
        ct = load_ct(ct_path, parameters.ct.labels or None)
    if start is None:
        start = files.start(ct)
    with console.status('preparing the renderer'):
        pipeline = RegistrationPipeline(ct, config, load_networks(parameters, ct))
        pipeline.warm_up()
    with console.status('registering'):
        result = pipeline.register(views, start)
    for index, view in enumerate(corrected_views(views, result)):
        save_picture(
            out / f'overlay_{index}.png', pipeline.overlay(view, result.reference_from_ct)
        )
    inputs = {'ct': ct_path, **_numbered('image', image_paths), **_numbered('mask', mask_paths)}
    begin = {'start': start_path, 'landmarks_2d': landmarks_path}
    inputs |= _numbered('camera', camera_paths) | {n: path for n, path in begin.items() if path}
    path = write_result(out, result, config, inputs, files.texts, masks)
    masked = [f'{image}: mask: {text}' for image, text in zip(image_paths, masks, strict=True)]
    for text in [*files.texts, *masked, _summary(result, path)]:
        console.print(text, highlight=False, markup=False, soft_wrap=True)
    return result


def read_parameters(params_file=None, settings=None):
    """
    Return the node's parameters from a ROS parameter file, {dotted name: value} beating it.

    Raises InputError with every value that cannot be used.
    """
    values = read_values(params_file, NODE) if params_file else {}
    return schema.build(XrayRegistrationParameters, values | (settings or {}))


def load_start(path):
    """Read `{"reference_from_ct": [16 numbers]}`; return [4, 4] (m)."""
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        numbers = [float(x) for x in content['reference_from_ct']]
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    except ValueError as error:
        raise InputError(f'{path}: is not the JSON of a start pose: {error}') from None
    except (KeyError, TypeError):
        raise InputError(
            f'{path}: expected {{"reference_from_ct": [16 numbers, row-major, metres]}}'
        ) from None
    return se3.validated(numbers, f'{path}: reference_from_ct')


def write_result(out, result, config, inputs, geometry, masks):
    """Write a Result with its provenance as `out`/result.json; return the path."""
    content = {
        'status': result.verdict.value,
        'reason': result.reason,
        'reference_from_ct': result.reference_from_ct.ravel(),
        'covariance': result.covariance.ravel(),
        'sigma_mm': result.sigma_mm,
        'sigma_axes': ['right', 'down', 'depth'],
        'similarity': result.similarity,
        'iterations': result.iterations,
        'starts': result.starts,
        'solver': result.status.value,
        'time_s': result.time_s,
        'cost': result.cost,
        'overlap': result.overlap,
        'evidence': _evidence(result),
        'observability': result.observability,
        'geometry': geometry,
        'masks': masks,
        'calibration': result.calibration,
        'config': config,
        'inputs': {
            name: {'path': str(path), 'sha256': results.sha256_of(file_of(path))}
            for name, path in inputs.items()
        },
        **results.provenance(),
    }
    return results.write_json(out / results.RESULT_FILE, content)


def _make_folder(out):
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{out}: is no folder to write to: {error.strerror}') from None


def _numbered(name, paths):
    return {f'{name}_{index}': path for index, path in enumerate(paths)}


def _evidence(result):
    """Return what the verdict was made of, by name; None where no search was worth it."""
    if result.evidence is None:
        return None
    return {**result.evidence._asdict(), 'status': result.status.value}


def _summary(result, path):
    lines = [result.verdict.value + (f': {result.reason}' if result.reason else '')]
    if result.evidence is not None:
        right, down, depth = result.sigma_mm
        lines.append(
            f'similarity {result.similarity:.3f}, sigma right {right:.2f} down {down:.2f} '
            f'depth {depth:.2f} mm, {result.time_s:.2f} s'
        )
    if result.observability is not None:
        lines.append(result.observability.text())
    return '\n'.join([*lines, str(path)])
