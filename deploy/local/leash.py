"""Runs a command that cannot outlive the supervisor: `python leash.py <supervisor's pid> command…`.

The kernel kills the process when the thread that started it ends (`PR_SET_PDEATHSIG`, kept across `exec`), so that even
a supervisor killed with -9 leaves no orphan; everything it starts keeps what it acknowledged when it is killed. The
supervisor starts its children from its main thread. Standard library only: this runs before anything is imported.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # The parent may have died before the line above: then nobody is left to send the signal.
        if os.getppid() != parent:
            sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
