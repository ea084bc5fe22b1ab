"""Small clips on the disk in the layouts that loaders read; frame numbers are drawn as grey."""

import io
import json
import tarfile

import cv2
import numpy as np
import yaml

from surgical_perception import bag_messages
from surgical_perception.bags import BagWriter
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera

WIDTH, HEIGHT, FRAMES, FPS = 64, 48, 5, 10.0
FOCAL, BASELINE_M = 60.0, 0.005
CX, CY = 31.0, 24.0
START_NS = 100_000_000_000
PERIOD_NS = 100_000_000
CAMERA_FRAME = 'endoscope_left_optical'

CALIBRATION = {
    'width': WIDTH,
    'height': HEIGHT,
    'fx': FOCAL,
    'fy': FOCAL,
    'cx': CX,
    'cy': CY,
    'baseline_m': BASELINE_M,
    'fps': FPS,
}


def grey(frame, eye):
    """Return the grey level of a frame: a decoder may change it by a few."""
    return 20 + 20 * frame + (90 if eye == 'right' else 0)


def picture(frame, eye):
    """Return an image [H, W, 3] uint8, RGB: one grey, the first half of the columns redder."""
    pixels = np.full((HEIGHT, WIDTH, 3), grey(frame, eye), np.uint8)
    pixels[:, : WIDTH // 2, 0] += 40
    return pixels


def pose(frame):
    """Return world_from_camera (m) of a frame: a slow path."""
    return se3.exp([0.001 * frame, 0, 0.002, 0, 0.01 * frame, 0])


def write_picture(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1])


def write_folder(path, calibration=None, poses=True, frames=FRAMES):
    for frame in range(frames):
        for eye in ('left', 'right'):
            write_picture(path / eye / f'{frame:06d}.png', picture(frame, eye))
    (path / 'calib.yaml').write_text(yaml.safe_dump(CALIBRATION | (calibration or {})))
    if poses:
        matrices = [pose(frame).tolist() for frame in range(frames)]
        (path / 'poses.json').write_text(json.dumps({'world_from_camera': matrices}))
    return path


def write_video(path, pictures, fourcc='mp4v'):
    """Write images (RGB) as a video of FPS frames per second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = list(pictures)
    height, width = pictures[0].shape[:2]
    code = cv2.VideoWriter_fourcc(*fourcc)
    writer = cv2.VideoWriter(str(path), code, FPS, (width, height))
    assert writer.isOpened()
    for pixels in pictures:
        writer.write(np.ascontiguousarray(pixels[..., ::-1]))
    writer.release()
    return path


def stacked(frame):
    return np.vstack([picture(frame, 'left'), picture(frame, 'right')])


def write_opencv(path, matrices):
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, matrix in matrices.items():
        storage.write(name, np.asarray(matrix, float))
    storage.release()
    return path


def raw_calibration(turn_rad=0.0, distortion=0.0):
    """Return M1, D1, M2, D2, R, T (mm) of a pair whose eyes may converge and distort."""
    matrix = np.array([[FOCAL, 0, CX], [0, FOCAL, CY], [0, 0, 1]])
    right_from_left = se3.exp([-1e3 * BASELINE_M, 0, 0, 0, turn_rad, 0])
    coefficients = [[distortion, 0, 0, 0, 0]]
    return {
        'M1': matrix,
        'D1': coefficients,
        'M2': matrix,
        'D2': coefficients,
        'R': right_from_left[:3, :3],
        'T': right_from_left[:3, 3:],
    }


def write_stir(case, frames=FRAMES, right_frames=None, calibration=None, blobs=None):
    """Write one sequence <case>/left/seq01; return its left folder."""
    matrix = [[FOCAL, 0, CX], [0, FOCAL, CY], [0, 0, 1]]
    right = [[FOCAL, 0, CX - 2], [0, FOCAL, CY], [0, 0, 1]]
    content = {
        'leftcameramat': matrix,
        'rightcameramat': right,
        'leftdistortioncoeffs': [0, 0, 0, 0, 0],
        'rightdistortioncoeffs': [0, 0, 0, 0, 0],
        'translation': [-BASELINE_M, 0, 0],
        'rotation': np.eye(3).tolist(),
    } | (calibration or {})
    case.mkdir(parents=True, exist_ok=True)
    (case / 'calib.json').write_text(json.dumps(content))
    counts = {'left': frames, 'right': frames if right_frames is None else right_frames}
    for eye, count in counts.items():
        video = case / eye / 'seq01' / 'frames' / '2000ms-2500ms-visible.mp4'
        write_video(video, (picture(frame, eye) for frame in range(count)))
    folder = case / 'left' / 'seq01' / 'segmentation'
    for name, corners in (blobs or {'start': [(10, 8), (40, 30)], 'end': [(14, 9)]}).items():
        mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for u, v in corners:
            mask[v : v + 4, u : u + 6] = 255
        write_picture(folder / f'icg{name}seg.png', mask)
    return case / 'left' / 'seq01'


def scene_points_mm(depth_mm):
    """Return the raw left camera's points [H, W, 3] of a plane z = depth_mm, undistorted."""
    u, v = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    rays = np.stack([(u - CX) / FOCAL, (v - CY) / FOCAL, np.ones_like(u)], -1)
    return (rays * depth_mm).astype(np.float32)


def tiff(points_mm):
    # OpenCV takes channels as B, G, R: reversed, the file holds X, Y, Z.
    written, data = cv2.imencode('.tiff', points_mm[..., ::-1])
    assert written
    return data.tobytes()


def write_tar(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w:gz') as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def camera_pose_mm(frame):
    """Return SCARED's camera-pose: camera_from_keyframe in millimetres."""
    matrix = se3.inverse(pose(frame))
    matrix[:3, 3] *= 1e3
    return matrix


def write_scared(folder, frames=FRAMES, calibration=None, points=None):
    """Write a keyframe; `points` are {frame: XYZ [H, W, 3] mm}, both eyes' as in the data set."""
    folder.mkdir(parents=True, exist_ok=True)
    write_opencv(folder / 'endoscope_calibration.yaml', calibration or raw_calibration())
    write_picture(folder / 'Left_Image.png', picture(0, 'left'))
    write_picture(folder / 'Right_Image.png', picture(0, 'right'))
    points = {0: scene_points_mm(80.0), 2: scene_points_mm(82.0)} if points is None else points
    (folder / 'left_depth_map.tiff').write_bytes(tiff(points[0]))
    write_video(folder / 'data' / 'rgb.mp4', map(stacked, range(frames)))
    poses = {
        f'./frame_data{frame:06d}.json': json.dumps(
            {'camera-pose': camera_pose_mm(frame).tolist(), 'timestamp': frame}
        ).encode()
        for frame in range(frames)
    }
    write_tar(folder / 'data' / 'frame_data.tar.gz', poses)
    both = {frame: np.vstack([xyz, 0 * xyz]) for frame, xyz in points.items()}
    tiffs = {f'./scene_points{frame:06d}.tiff': tiff(xyz) for frame, xyz in both.items()}
    write_tar(folder / 'data' / 'scene_points.tar.gz', tiffs)
    return folder


def image_message(stamp_ns, pixels, encoding='rgb8'):
    return bag_messages.image(stamp_ns, CAMERA_FRAME, pixels, encoding)


def compressed_message(stamp_ns, pixels):
    data = cv2.imencode('.png', pixels[..., ::-1])[1]
    return bag_messages.make(
        'sensor_msgs/msg/CompressedImage',
        header=bag_messages.header(stamp_ns, CAMERA_FRAME),
        format='png',
        data=data,
    )


def info_message(stamp_ns, eye, baseline_m=BASELINE_M):
    camera = PinholeCamera(WIDTH, HEIGHT, FOCAL, FOCAL, CX, CY)
    shift_m = baseline_m if eye == 'right' else 0.0
    return bag_messages.camera_info(stamp_ns, CAMERA_FRAME, camera, shift_m)


def pose_message(stamp_ns, matrix):
    return bag_messages.pose_stamped(stamp_ns, 'base', matrix)


def tf_message(stamp_ns, matrix, parent='base', child=CAMERA_FRAME):
    return bag_messages.tf(stamp_ns, parent, child, matrix)


def cloud_message(stamp_ns, points):
    return bag_messages.cloud(stamp_ns, CAMERA_FRAME, points)


def stamp(frame):
    return START_NS + frame * PERIOD_NS


def stereo_messages(frames=FRAMES, eyes=('left', 'right'), info=True, delay_ns=0):
    """Return [(topic, stamp, message)] of both eyes; the right one is late by `delay_ns`."""
    found = []
    for frame in range(frames):
        for eye in eyes:
            stamp_ns = stamp(frame) + (delay_ns if eye == 'right' else 0)
            found.append(
                (
                    f'/endoscope/{eye}/image_rect',
                    stamp_ns,
                    image_message(stamp_ns, picture(frame, eye)),
                )
            )
            if info:
                found.append(
                    (f'/endoscope/{eye}/camera_info', stamp_ns, info_message(stamp_ns, eye))
                )
    return found


def write_bag(path, messages, storage='mcap'):
    """Write [(topic, stamp, message)] in the order of the stamps."""
    with BagWriter(path, storage) as bag:
        for topic, _, message in {topic: (topic, 0, m) for topic, _, m in messages}.values():
            bag.add_topic(topic, message.__msgtype__)
        for topic, stamp_ns, message in sorted(messages, key=lambda item: item[1]):
            bag.write(topic, stamp_ns, message)
    return path
