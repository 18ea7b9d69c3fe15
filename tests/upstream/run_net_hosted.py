"""Runs a command while a TLS server on the loopback stands for micropython.org:443.

run_net_hosted.py CERTS HOSTS COMMAND...

CERTS is the folder of tools/make-certs, HOSTS a file to write. libnss-wrapper lets the command and its children look
names up in HOSTS.
"""

import os
import pathlib
import socket
import subprocess
import sys
import time

ADDRESS = "127.7.7.7"


def wait_until_listening(server):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((ADDRESS, 443)) == 0:
                return
        if server.poll() is not None:
            break
        time.sleep(0.01)
    sys.exit(f"run_net_hosted: no server on {ADDRESS}:443")


def main():
    certs, hosts, *command = sys.argv[1:]
    certs = pathlib.Path(certs)
    pathlib.Path(hosts).write_text(f"{ADDRESS} micropython.org\n", encoding="ascii")
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"{ADDRESS}:443", "-cert", certs / "rsa.pem", "-key", certs / "rsa.key",
         "-cert_chain", certs / "inter.pem", "-www", "-naccept", "20"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_until_listening(server)
        environment = {**os.environ, "LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": hosts}
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        server.kill()
        server.wait()


sys.exit(main())
