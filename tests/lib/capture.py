"""A recorder between a client and a server: what passes goes into a file that tshark reads, without any privileges."""

import contextlib
import json
import socket
import struct
import subprocess
import threading

import python_peer

LINKTYPE_RAW = 101
PROTOCOL_TCP, PROTOCOL_UDP = 6, 17
ACK_PSH = 0x18


class Capture:
    """The packets of one connection, made up around what was really carried."""

    def __init__(self, path, port, udp):
        self._port = port
        self._udp = udp
        self._file = path.open("wb")
        self._file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW))
        self._lock = threading.Lock()
        self._sent = {True: 1, False: 1}
        self._time = 0

    def add(self, from_client, data):
        with self._lock:
            # No packet is longer than IP allows.
            for start in range(0, len(data), 60000):
                self._write(from_client, data[start:start + 60000])
            self._file.flush()

    def _write(self, from_client, data):
        ports = (40000, self._port) if from_client else (self._port, 40000)
        if self._udp:
            header = struct.pack(">HHHH", *ports, 8 + len(data), 0)
        else:
            header = struct.pack(">HHIIBBHHH", *ports, self._sent[from_client], self._sent[not from_client], 0x50, ACK_PSH,
                                 65535, 0, 0)
            self._sent[from_client] += len(data)
        addresses = (b"\x7f\0\0\1", b"\x7f\0\0\2") if from_client else (b"\x7f\0\0\2", b"\x7f\0\0\1")
        packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(header) + len(data), 0, 0, 64,
                             PROTOCOL_UDP if self._udp else PROTOCOL_TCP, 0, *addresses) + header + data
        self._time += 1
        self._file.write(struct.pack("<IIII", 1, self._time, len(packet), len(packet)) + packet)

    def close(self):
        self._file.close()


class Recorder:
    """Carries one connection to a server on server_port and records it in the file `path`."""

    def __init__(self, server_port, path, udp=False):
        self.path = path
        self._server_port = server_port
        self._capture = Capture(path, server_port, udp)
        self.bytes = {True: 0, False: 0}  # by whether the client sent them
        self._listener = socket.socket(type=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.settimeout(python_peer.TIMEOUT)
        self.port = self._listener.getsockname()[1]
        if udp:
            self._client = None
            self._server = socket.socket(type=socket.SOCK_DGRAM)
            self._server.connect(("127.0.0.1", server_port))
            for way in (self._carry_up, self._carry_down):
                threading.Thread(target=way, daemon=True).start()
        else:
            self._listener.listen(1)
            self._thread = python_peer.Thread(self._run)

    def _record(self, from_client, data):
        self.bytes[from_client] += len(data)
        self._capture.add(from_client, data)

    def _carry_up(self):
        with contextlib.suppress(OSError):
            while True:
                data, self._client = self._listener.recvfrom(65536)
                self._record(True, data)
                self._server.send(data)

    def _carry_down(self):
        with contextlib.suppress(OSError):
            while True:
                data = self._server.recv(65536)
                self._record(False, data)
                self._listener.sendto(data, self._client)

    def _run(self):
        with self._listener, self._listener.accept()[0] as client, \
                socket.create_connection(("127.0.0.1", self._server_port), python_peer.TIMEOUT) as server:
            client.settimeout(python_peer.TIMEOUT)
            ways = [python_peer.Thread(lambda: self._carry(client, server, True)),
                    python_peer.Thread(lambda: self._carry(server, client, False))]
            for way in ways:
                way.join(python_peer.TIMEOUT)

    def _carry(self, source, sink, from_client):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._record(from_client, data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        """To be called when both ends are done."""
        if hasattr(self, "_thread"):
            self._thread.result()
        else:
            self._listener.close()
            self._server.close()
        self._capture.close()


def dissect(path, port, udp=False, keylog=None):
    """tshark's view of a recording: a list of packets, each the JSON object of its layers."""
    protocol = "dtls" if udp else "tls"
    argv = ["tshark", "-r", path, "-T", "json", "--no-duplicate-keys", "-d", f"{'udp' if udp else 'tcp'}.port=={port},{protocol}"]
    if keylog is not None:
        argv += ["-o", f"tls.keylog_file:{keylog}"]
    out = subprocess.run(argv, capture_output=True, check=True, timeout=60)
    return [packet["_source"]["layers"] for packet in json.loads(out.stdout)]


def records(packets, protocol="tls"):
    """All records in the packets, as (from the client, JSON object)."""
    found = []

    def look(layer, from_client):
        if isinstance(layer, list):
            for part in layer:
                look(part, from_client)
            return
        if isinstance(layer, dict):
            inner = layer.get(f"{protocol}.record", [])
            for record in inner if isinstance(inner, list) else [inner]:
                found.append((from_client, record))

    for packet in packets:
        look(packet.get(protocol), packet["ip"]["ip.src"] == "127.0.0.1")
    return found
