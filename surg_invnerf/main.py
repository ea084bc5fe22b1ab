"""Console script of the live tracking node."""

from surgical_perception.ros.entry import leave, start


def main():
    """Run the node until it is told to stop."""
    leave(start('surg_invnerf.node'))


if __name__ == '__main__':
    main()
