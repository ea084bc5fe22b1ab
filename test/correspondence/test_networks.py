"""Networks that a user brings: small ones that shift by a known flow stand for RAFT."""

import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from warped_clip import frame

from surg_invnerf.correspondence import registry
from surgical_perception.errors import InputError

# TorchScript is how existing networks are exported, whatever torch recommends for new ones.
pytestmark = [
    pytest.mark.filterwarnings('ignore:.torch.jit:DeprecationWarning'),
    pytest.mark.filterwarnings('ignore::torch.jit.TracerWarning'),
]

SIZE = (44, 61)  # no multiple of 8
PADDED = (48, 64)
SHIFT = (3.0, -2.0)


class Flow(torch.nn.Module):
    """RAFT's form: a coarse flow and a fine one; the fine one is SHIFT plus the mean grey."""

    def forward(self, image1, image2):
        fine = torch.tensor(SHIFT).reshape(1, 2, 1, 1) + 0 * image1[:, :2]
        return fine[..., ::8, ::8] * 100, fine + image1.mean() / 1000


class Points(torch.nn.Module):
    """STIRMetrics' form: points and two images in, end points out."""

    def forward(self, pointlist, image1, image2):
        return pointlist + torch.tensor(SHIFT) + 0 * (image1.mean() + image2.mean())


class Broken(torch.nn.Module):
    """A network for something else: its output has no flow's shape."""

    def forward(self, image1, image2):
        return image1 + image2


@pytest.fixture(scope='module')
def pair():
    white = np.full((*SIZE, 3), 255, np.uint8)
    return frame(0, white), frame(1, white)


@pytest.fixture
def saved(tmp_path):
    def save(module, size=PADDED):
        images = [torch.zeros(1, 3, *size)] * 2
        points = [torch.zeros(1, 5, 2)] if isinstance(module, Points) else []
        traced = torch.jit.trace(module, (*points, *images))
        traced.save(str(tmp_path / 'network.pt'))
        return tmp_path / 'network.pt'

    return save


def test_the_finest_flow_of_raft_is_taken(saved, pair):
    flow = registry.make('torchscript', weights=saved(Flow())).match(*pair).flow
    assert flow.shape == (*SIZE, 2)
    np.testing.assert_allclose(flow[5, 7], (SHIFT[0] + 0.255, SHIFT[1] + 0.255), rtol=1e-5)


def test_white_is_what_the_network_expects(saved, pair):
    flow = registry.make('torchscript', weights=saved(Flow()), largest=1.0).match(*pair).flow
    np.testing.assert_allclose(flow[5, 7], (SHIFT[0] + 0.001, SHIFT[1] + 0.001), rtol=1e-5)


def test_end_points_become_flow(saved, pair):
    flow = registry.make('torchscript', weights=saved(Points())).match(*pair).flow
    assert flow.shape == (*SIZE, 2)
    np.testing.assert_allclose(flow, np.broadcast_to(SHIFT, flow.shape), atol=1e-5)


def test_flow_of_a_resized_image_is_in_pixels_of_the_frame(saved, pair):
    provider = registry.make('torchscript', weights=saved(Points()), size=(88, 122))
    flow = provider.match(*pair).flow
    np.testing.assert_allclose(flow, np.broadcast_to(np.array(SHIFT) / 2, flow.shape), atol=1e-5)


@pytest.mark.parametrize('size', [(48,), (48, 0), (48.0, 64.0), 'ab'])
def test_a_size_that_is_none_is_refused(saved, size):
    with pytest.raises(InputError, match=r'size is .*, expected \(height, width\)'):
        registry.make('torchscript', weights=saved(Flow()), size=size)


def test_a_device_that_is_not_there_is_refused(saved, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for device in ('cuda', 'gpu'):
        with pytest.raises(InputError, match=f"device is '{device}'"):
            registry.make('torchscript', weights=saved(Flow()), device=device)


def test_weights_that_do_not_exist_are_refused(tmp_path):
    for name in ('torchscript', 'onnx'):
        with pytest.raises(InputError, match=r'absent\.pt do not exist'):
            registry.make(name, weights=tmp_path / 'absent.pt')


def test_files_that_are_no_networks_are_refused(tmp_path):
    path = tmp_path / 'weights.pt'
    path.write_bytes(b'no network')
    with pytest.raises(InputError, match='cannot be loaded as TorchScript'):
        registry.make('torchscript', weights=path)
    with pytest.raises(InputError, match='cannot be loaded as ONNX'):
        registry.make('onnx', weights=path)


def test_a_state_dict_is_no_torchscript(tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(InputError, match=r'cannot be loaded as TorchScript.*torch\.jit\.trace'):
        registry.make('torchscript', weights=path)


def test_a_network_of_one_input_is_refused(tmp_path):
    path = tmp_path / 'network.pt'
    torch.jit.trace(torch.nn.Identity(), torch.zeros(1, 3, 8, 8)).save(str(path))
    with pytest.raises(InputError, match=r'takes 1 inputs, expected \(image1, image2\)'):
        registry.make('torchscript', weights=path)


def test_an_output_that_is_no_flow_is_refused(saved, pair):
    provider = registry.make('torchscript', weights=saved(Broken()))
    with pytest.raises(InputError, match=r'returns \(1, 3, 48, 64\), expected \(1, 2, 48, 64\)'):
        provider.match(*pair)


def test_a_failing_network_names_the_size(tmp_path, pair):
    class Fixed(torch.nn.Module):
        def forward(self, image1, image2):
            return image1[:, :2] + torch.zeros(1, 2, 16, 16)

    path = tmp_path / 'network.pt'
    torch.jit.trace(Fixed(), (torch.zeros(1, 3, 16, 16),) * 2).save(str(path))
    with pytest.raises(InputError, match=r'fails on 64x48 images.*give the size'):
        registry.make('torchscript', weights=path).match(*pair)
    flow = registry.make('torchscript', weights=path, size=(16, 16)).match(*pair).flow
    assert flow.shape == (*SIZE, 2)


@pytest.fixture
def onnx_file(tmp_path):
    """Return a function that writes a network of STIRMetrics' form: end = points + SHIFT."""

    def write(size):
        image = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, *size])
            for name in ('image1', 'image2')
        ]
        points = helper.make_tensor_value_info('pointlist', TensorProto.FLOAT, [1, 'n', 2])
        end = helper.make_tensor_value_info('end_points', TensorProto.FLOAT, [1, 'n', 2])
        shift = helper.make_tensor('shift', TensorProto.FLOAT, [2], SHIFT)
        node = helper.make_node('Add', ['pointlist', 'shift'], ['end_points'])
        graph = helper.make_graph([node], 'points', [points, *image], [end], [shift])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
        model.ir_version = 8
        onnx.save(model, tmp_path / 'network.onnx')
        return tmp_path / 'network.onnx'

    return write


def test_onnx_of_any_size(onnx_file, pair):
    provider = registry.make('onnx', weights=onnx_file(['h', 'w']))
    flow = provider.match(*pair).flow
    np.testing.assert_allclose(flow, np.broadcast_to(SHIFT, (*SIZE, 2)), atol=1e-5)


def test_onnx_of_a_fixed_size_gets_it(onnx_file, pair):
    provider = registry.make('onnx', weights=onnx_file([88, 122]))
    flow = provider.match(*pair).flow
    np.testing.assert_allclose(flow, np.broadcast_to(np.array(SHIFT) / 2, (*SIZE, 2)), atol=1e-5)


def test_without_onnxruntime_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(InputError, match=r"pip install 'surgical_perception\[onnx\]'"):
        registry.make('onnx', weights=tmp_path / 'network.onnx')
