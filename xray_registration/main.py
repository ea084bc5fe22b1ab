"""Console script of the registration node."""

from surgical_perception.ros.entry import leave, start


def main():
    """Run the node until it is told to stop."""
    leave(start('xray_registration.node'))


if __name__ == '__main__':
    main()
