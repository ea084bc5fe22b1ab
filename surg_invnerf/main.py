"""Console script of the live tracking node."""

import sys

from surgical_perception.ros.entry import start


def main():
    """Run the node until it is told to stop."""
    sys.exit(start('surg_invnerf.node'))


if __name__ == '__main__':
    main()
