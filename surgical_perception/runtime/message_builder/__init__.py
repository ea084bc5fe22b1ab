"""
Build a package of `.msg` files against the ROS wheels of this venv, with a C++ compiler alone.

The wheels carry the code generators of ROS 2 but not the CMake machinery around them; this calls
the generators and the compiler directly.  Run it as

    python -m surgical_perception.runtime.message_builder PACKAGE_FOLDER
"""
