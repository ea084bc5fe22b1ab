"""Substitutions: ros2/launch's grammar, and nothing that it would refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.errors import InputError
from surgical_perception.runtime.launch.substitution import expand

VALUES = {'pkg': 'robot', 'robot': 'R2', 'empty': '', 'spaced': 'a b'}


def var(name: str, default: str = 'unset') -> str:
    return VALUES.get(name, default)


FUNCTIONS = {'var': var, 'dirname': lambda: '/launch'}


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('', ''),
        ('plain $ text (with) "signs"', 'plain $ text (with) "signs"'),
        ('$(dirname)/../config', '/launch/../config'),
        ('<$(var pkg)>', '<robot>'),
        ('$(var pkg)$(var empty)$(var pkg)', 'robotrobot'),
        ('$(var $(var pkg))', 'R2'),
        ('$(var none /etc/a.yaml)', '/etc/a.yaml'),
        ('$(var none $(dirname)/a)', '/launch/a'),
        ("$(var none 'two words')", 'two words'),
        ('$(var none "it\'s (here)")', "it's (here)"),
        ("$(var none '')", ''),
        ('$(var none "<$(var spaced)>")', '<a b>'),
        (r'\$(var pkg)', '$(var pkg)'),
        (r'$(var none a\)b\ c)', 'a)b c'),
        (r'a\\b', r'a\b'),
    ],
)
def test_expands(text, value):
    assert expand(text, FUNCTIONS) == value


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('$(var pkg', 'must end with )'),
        ('$(var  pkg)', 'two spaces'),
        ('$(var pkg )', 'argument is missing'),
        ("$(var 'pkg)", 'quoted argument must end'),
        ('$()', 'name must follow'),
        ('$(eval 1+1)', r'unknown substitution $(eval ...)'),
        ('$(var a b c)', 'too many'),
        ('$(var)', 'missing a required argument'),
    ],
)
def test_refuses(text, reason):
    with pytest.raises(InputError) as error:
        expand(text, FUNCTIONS)
    assert reason in str(error.value)


@given(st.text())
def test_escaped_text_stands_for_itself(text):
    escaped = text.replace('\\', '\\\\').replace('$', '\\$')
    assert expand(escaped, FUNCTIONS) == text


@given(st.text())
def test_quoted_arguments_stand_for_themselves(text):
    escaped = text.replace('\\', '\\\\').replace('$', '\\$').replace("'", "\\'")
    assert expand(f"$(var none '{escaped}')", FUNCTIONS) == text


@given(st.text(alphabet='$() \\\'"var pkg'))
def test_any_text_expands_or_is_refused_in_words(text):
    try:
        expand(text, FUNCTIONS)
    except InputError as error:
        assert str(error)
