"""The parts that offline tools share with the nodes must work where ROS is absent."""

import subprocess
import sys

PURE = (
    'images',
    'clouds',
    'ros.camera_pairing',
    'ros.stamps',
    'ros.synchroniser',
    'ros.transform_buffer',
    'ros.validation',
)


def test_pure_modules_import_no_ros():
    imports = '\n'.join(f'import surgical_perception.{name}' for name in PURE)
    check = 'import sys; print([m for m in sys.modules if m in ("rclpy", "sensor_msgs")])'
    result = subprocess.run(
        [sys.executable, '-c', f'{imports}\n{check}'], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == '[]'
