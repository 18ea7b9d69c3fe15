# What bench/life runs in an interpreter: life.py FOLDER-OF-CERTIFICATES VERSION
#
# A client and a server of one process talk through streams in Python, which look at the heap of both whenever either
# reads or writes, so in the midst of what the library does. Prints JSON: [[phase, bytes that each end holds], …], and
# stats() of both.

import io
import json
import ssl
import sys

STREAM_POLL = 3
ROUNDS = 3

folder, version = sys.argv[1], int(sys.argv[2])
phase = "create"
samples = []
ends = {}


def sample():
    samples.append([phase, {name: conn.stats()["heap_held"] for name, conn in ends.items()}])


class Pipe(io.IOBase):
    def __init__(self, incoming, outgoing):
        self.incoming, self.outgoing = incoming, outgoing

    def readinto(self, buf):
        sample()
        count = min(len(buf), len(self.incoming))
        if not count:
            return None
        buf[:count] = self.incoming[:count]
        self.incoming[:] = self.incoming[count:]
        return count

    def write(self, buf):
        sample()
        self.outgoing.extend(buf)
        return len(buf)

    def ioctl(self, request, flags):
        return flags if request == STREAM_POLL else 0


def shaken(conn):
    try:
        conn.do_handshake()
        return True
    except OSError as e:
        if e.errno != 11:  # EAGAIN
            raise
        return False


def transfer(source, drain, size):
    left = size
    source.write(bytes(size))
    while left:
        left -= drain.recv_into(room) or 0
    sample()


server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(folder + "/ec-chain.pem", folder + "/ec.key")
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
client.verify_mode = ssl.CERT_REQUIRED
client.load_verify_locations(folder + "/root.pem")
client.minimum_version = client.maximum_version = version
to_server, to_client = bytearray(), bytearray()
near = client.wrap_socket(Pipe(to_client, to_server), server_hostname="server.test", do_handshake_on_connect=False)
far = server.wrap_socket(Pipe(to_server, to_client), server_side=True, do_handshake_on_connect=False)
ends.update(client=near, server=far)
for conn in (near, far):
    conn.setblocking(False)
sample()

phase = "handshake"
left = [near, far]
while left:
    left = [conn for conn in left if not shaken(conn)]

phase = "idle"
sample()
sample()

phase = "transfer"
room = bytearray(16384)
for _ in range(ROUNDS):
    transfer(near, far, 1000)
    transfer(far, near, 16384)

phase = "close"
near.close()
far.read()
far.close()
sample()
print(json.dumps([samples, {name: conn.stats() for name, conn in ends.items()}]))
