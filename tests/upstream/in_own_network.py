"""Runs a command with a loopback of its own, so that the fixed ports of MicroPython's tests are free.

in_own_network.py LOCKFILE COMMAND...

Without the right to make a network namespace (some containers), the machine's own loopback has to do; then the lock
keeps a second run out.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys

UNSHARE = ["unshare", "--map-root-user", "--net"]
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def set_loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def main():
    if sys.argv[1] == "--inside":
        set_loopback_up()
        os.execvp(sys.argv[2], sys.argv[2:])
    lock, *command = sys.argv[1:]
    if subprocess.run([*UNSHARE, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, __file__, "--inside", *command])
    print("in_own_network: using the machine's own loopback", file=sys.stderr)
    # Stays locked until the command ends, since it inherits the descriptor.
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.set_inheritable(descriptor, True)
    os.execvp(command[0], command)


main()
