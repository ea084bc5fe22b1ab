"""Open3D, imported only where it is used: it is large, and needs two libraries of the system."""

_HINT = (
    'surfaces are cleaned, meshed and written by Open3D, which cannot be imported here: '
    'pip install open3d (Debian and Ubuntu: apt install libusb-1.0-0 libgl1 as well)'
)


def open3d():
    """Return the module; raises ImportError with what to install where it cannot be loaded."""
    try:
        import open3d
    except (ImportError, OSError) as error:  # OSError: a shared library is missing
        raise ImportError(f'{_HINT}: {error}') from error
    # Failures come back as return values and are raised here: its own lines are noise.
    open3d.utility.set_verbosity_level(open3d.utility.VerbosityLevel.Error)
    return open3d
