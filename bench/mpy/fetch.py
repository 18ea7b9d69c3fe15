# A verified download over the second serial port, with little heap.

import gc

import tls
from uart import Uart


# Fills the heap until `left` bytes are free, which are one piece as far as possible.
def ballast(left):
    gc.collect()
    held = [None] * 64
    for i in range(len(held)):
        size = gc.mem_free() - left
        if size < 32:
            break
        while size >= 32:
            try:
                held[i] = bytearray(size)
                break
            except MemoryError:
                size = size * 3 // 4
    return held


def fetch(left, size, max_record=None):
    with open("/host/certs/root.der", "rb") as f:
        root = f.read()
    stream = Uart()
    room = bytearray(512)
    held = ballast(left)
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    context.load_verify_locations(root)
    if max_record is not None:
        context.max_record = max_record
    sock = context.wrap_socket(stream, server_hostname="server.test")
    sock.write(b"go")
    received = 0
    while received < size:
        received += sock.readinto(room)
    return held is not None
