"""Launch files become descriptions by the rules of ros2/launch; the unknown is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from launch_files import PACKAGE, make_package, write_launch

from surgical_perception.errors import InputError
from surgical_perception.runtime.launch.description import Parameter
from surgical_perception.runtime.launch.interpreter import interpret
from surgical_perception.runtime.launch.values import (
    absolute_namespace,
    parameter_value,
    words,
)

NODE = f'<node pkg="{PACKAGE}" exec="hello" '


@pytest.fixture
def launch(tmp_path):
    """Interpret a launch file of the given body."""
    make_package(tmp_path, hello='exit 0')

    def of(body: str, environ: dict | None = None, **arguments: str):
        path = write_launch(tmp_path / 'a.launch.xml', body)
        environ = {'AMENT_PREFIX_PATH': str(tmp_path), **(environ or {})}
        return interpret(path, arguments, environ)

    return of


def names(description) -> list[str | None]:
    return [node.name for node in description.nodes]


def test_a_plain_node(launch):
    (node,) = launch(NODE + '/>').nodes
    assert (node.package, node.executable) == (PACKAGE, 'hello')
    assert (node.name, node.namespace, node.output, node.respawn) == (None, None, 'log', False)
    assert not node.parameters and not node.remappings and not node.ends_launch


def test_everything_that_a_node_may_have(launch, tmp_path):
    (tmp_path / 'p.yaml').write_text('/**: {}')
    (node,) = launch(
        '<arg name="who"/><arg name="again"/>' + NODE + 'name="n" namespace="a" output="screen" '
        'args="-v --to $(var who)" ros_args="--log-level debug" respawn="$(var again)" '
        'respawn_delay="0.5" on_exit="shutdown"><param from="$(dirname)/p.yaml"/>'
        '<param name="k" value="2"/><remap from="in" to="/out"/><env name="E" value="1"/></node>',
        who='Ada L',
        again='true',
    ).nodes
    assert (node.name, node.namespace, node.output) == ('n', '/a', 'screen')
    assert node.arguments == ('-v', '--to', 'Ada L')
    assert node.ros_arguments == ('--log-level', 'debug')
    assert (node.respawn, node.respawn_delay_s, node.ends_launch) == (True, 0.5, True)
    assert node.parameters == (tmp_path / 'p.yaml', Parameter('k', 2))
    assert node.remappings == (('in', '/out'),)
    assert node.environment['E'] == '1'


def test_arguments_have_defaults_choices_and_descriptions(launch):
    body = (
        '<arg name="mode" default="fast" description="how"><choice value="fast"/>'
        '<choice value="slow"/></arg>' + NODE + 'name="$(var mode)"/>'
    )
    assert names(launch(body)) == ['fast']
    assert names(launch(body, mode='slow')) == ['slow']
    assert launch(body).arguments[0].choices == ('fast', 'slow')
    with pytest.raises(InputError, match="'odd' is not one of fast, slow"):
        launch(body, mode='odd')


def test_a_default_may_use_earlier_arguments(launch):
    body = '<arg name="a"/><arg name="b" default="$(var a)_b"/>' + NODE + 'name="$(var b)"/>'
    assert names(launch(body, a='x')) == ['x_b']


def test_required_and_undeclared_arguments_are_errors(launch):
    body = '<arg name="ct" description="the CT"/>' + NODE + '/>'
    with pytest.raises(InputError, match=r"'ct' \(the CT\) is required"):
        launch(body)
    with pytest.raises(InputError, match=r'no such argument: cd .*declares: ct'):
        launch(body, ct='x', cd='y')


def test_an_argument_of_a_group_that_is_not_visited_may_be_given(launch):
    assert launch(f'<group if="false"><arg name="a"/></group>{NODE}/>', a='1').nodes


@pytest.mark.parametrize(
    ('attribute', 'value', 'starts'),
    [('if', 'true', True), ('if', ' False ', False), ('if', '1', True), ('unless', '0', True)],
)
def test_conditions(launch, attribute, value, starts):
    assert bool(launch(NODE + f'{attribute}="{value}"/>').nodes) is starts


def test_a_condition_is_no_guess(launch):
    with pytest.raises(InputError, match="'yes' is no condition"):
        launch(NODE + 'if="yes"/>')


def test_a_group_keeps_variables_environment_and_namespace_to_itself(launch):
    body = (
        '<let name="x" value="outer"/><group><let name="x" value="inner"/>'
        '<set_env name="E" value="1"/><push-ros-namespace namespace="robot"/>'
        f'{NODE}name="$(var x)" namespace="arm"/></group>{NODE}name="$(var x)"/>'
    )
    inner, outer = launch(body).nodes
    assert (inner.name, inner.namespace, inner.environment['E']) == ('inner', '/robot/arm', '1')
    assert (outer.name, outer.namespace, 'E' in outer.environment) == ('outer', None, False)


def test_an_unscoped_group_keeps_nothing(launch):
    body = f'<group scoped="false"><let name="x" value="in"/></group>{NODE}name="$(var x)"/>'
    assert names(launch(body)) == ['in']


def test_environment(launch):
    body = (
        '<set_env name="A" value="$(env B)"/><unset_env name="B"/>'
        f'{NODE}name="$(env A)_$(env B none)"/>'
    )
    assert names(launch(body, {'B': 'b'})) == ['b_none']
    with pytest.raises(InputError, match='the environment has no B'):
        launch(body)


def test_include_passes_arguments_and_its_own_folder(launch, tmp_path):
    (tmp_path / 'sub').mkdir()
    write_launch(
        tmp_path / 'sub' / 'b.launch.xml',
        f'<arg name="n"/>{NODE}name="$(var n)"><param name="d" value="$(dirname)"/></node>',
    )
    body = (
        '<include file="$(dirname)/sub/b.launch.xml"><arg name="n" value="inner"/></include>'
        f'{NODE}name="after"><param name="d" value="$(dirname)"/></node>'
    )
    inner, after = launch(body).nodes
    assert (inner.name, inner.parameters[0].value) == ('inner', str(tmp_path / 'sub'))
    assert after.parameters[0].value == str(tmp_path)


def test_a_file_that_includes_itself_is_refused(launch):
    with pytest.raises(InputError, match='includes itself'):
        launch('<include file="$(dirname)/a.launch.xml"/>')


def test_find_pkg_share(launch, tmp_path):
    body = NODE + f'args="$(find-pkg-share {PACKAGE})/x"/>'
    assert launch(body).nodes[0].arguments == (str(tmp_path / 'share' / PACKAGE / 'x'),)
    with pytest.raises(InputError, match="package 'rviz2' is not installed"):
        launch(NODE + 'args="$(find-pkg-share rviz2)"/>')


@pytest.mark.parametrize(
    ('body', 'reason'),
    [
        ('<executable cmd="ls"/>', 'unknown element <executable>'),
        ('<group><timer/></group>', 'unknown element <timer> in <group>'),
        (NODE + 'cwd="/"/>', "unknown attribute 'cwd'"),
        (NODE + '><param name="a"/></node>', 'name and value'),
        (NODE + '><param name="a" value="1" from="x"/></node>', 'name and value'),
        (NODE + '><param from="/no/file.yaml"/></node>', 'does not exist'),
        (NODE + '><param name="a" value="1" sep=","/></node>', "unknown attribute 'sep'"),
        (NODE + '><group/></node>', 'unknown element <group> in <node>'),
        (NODE + 'name="a b"/>', 'no node name'),
        (NODE + 'namespace="a//b"/>', 'no namespace'),
        (NODE + 'output="full"/>', "output 'full'"),
        (NODE + 'on_exit="restart"/>', 'only shutdown is known'),
        (NODE + 'respawn_delay="-1"/>', 'zero or more seconds'),
        (NODE + 'if="true" unless="true"/>', 'exclude each other'),
        ('<node pkg="p"/>', "attribute 'exec' is missing"),
        ('<let name="a" value="$(var b)"/>', 'no such argument or variable'),
        ('<let name="a" value="1">text</let>', "unexpected text 'text'"),
        ('<include file="/no/file.launch.xml"/>', 'does not exist'),
        ('<node', 'cannot be read'),
    ],
)
def test_refusals_name_file_element_and_reason(launch, body, reason):
    with pytest.raises(InputError) as error:
        launch(body)
    assert reason in str(error.value)
    assert '.launch.xml' in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('text', 'kind', 'value'),
    [
        ('1', None, 1),
        ('1.0', None, 1.0),
        ('1', 'float', 1.0),
        ('true', None, True),
        ('1', 'bool', True),
        ('007', 'str', '007'),
        ("'1'", None, '1'),
        ('', None, ''),
        ('ct.nii.gz', None, 'ct.nii.gz'),
        ('[1, 2]', None, [1, 2]),
        ('["a", "y"]', None, ['a', 'y']),
    ],
)
def test_parameters_are_typed_by_yaml_or_by_their_type(text, kind, value):
    found = parameter_value(text, kind)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize('text', ['{a: 1}', '[1, a]', '[]', 'null', '[[1]]', '2026-01-01', '"'])
def test_what_is_no_parameter_is_refused(text):
    with pytest.raises(InputError):
        parameter_value(text, None)


@pytest.mark.parametrize(
    ('base', 'namespace', 'expected'),
    [
        (None, None, None),
        ('/a', None, '/a'),
        (None, 'b', '/b'),
        ('/a', 'b', '/a/b'),
        ('/', 'b', '/b'),
        ('/a', '/b', '/b'),
        ('/a', '', '/a'),
        (None, '', '/'),
        (None, '/b/', '/b'),
    ],
)
def test_namespaces(base, namespace, expected):
    assert absolute_namespace(base, namespace) == expected


@given(st.lists(st.text(alphabet='ab \'"', min_size=1), max_size=4))
def test_what_a_substitution_yields_is_one_word(values):
    text = ' '.join(f'$(var {i})' for i in range(len(values)))
    assert words(text, {'var': lambda i: values[int(i)]}) == tuple(values)
