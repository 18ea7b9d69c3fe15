# Sends a file and receives another at the same time, over a non-blocking connection, with select.poll().
#
# Arguments: as for peer.py, with "send" (a file), "receive" (how many bytes to expect) and "ends" (True: closes
# the connection at once afterwards) instead of steps. Prints size and digest of what came, and how often it was woken up
# for nothing.

import hashlib
import json
import select
import sys

from peer import make_context, transports


def pump(sock, path, expected):
    digest = hashlib.sha256()
    received = 0
    woken_for_nothing = 0
    poller = select.poll()
    with open(path, "rb") as file:
        buffer = memoryview(b"")
        while received < expected or buffer is not None:
            wanted = (select.POLLIN if received < expected else 0) | (select.POLLOUT if buffer is not None else 0)
            poller.register(sock, wanted)
            ready = poller.poll(10000)
            if not ready:
                raise OSError("nothing happens any more, %d bytes received" % received)
            progress = False
            events = ready[0][1]
            while events & select.POLLIN and received < expected:
                data = sock.read(min(3000, expected - received))
                if data is None:
                    break
                if not data:
                    raise OSError("ended after %d bytes" % received)
                progress = True
                digest.update(data)
                received += len(data)
            if events & select.POLLOUT and buffer is not None:
                if not buffer:
                    data = file.read(50000)
                    buffer = memoryview(data) if data else None
                    progress = True
                if buffer is not None:
                    count = sock.write(buffer)
                    if count is not None:
                        progress = True
                        buffer = buffer[count:]
            if not progress:
                woken_for_nothing += 1
    return {"size": received, "sha256": digest.digest().hex(), "woken_for_nothing": woken_for_nothing}


def main(spec):
    context = make_context(spec["context"])
    for transport in transports(spec):
        transport.setblocking(False)
        sock = context.wrap_socket(transport, do_handshake_on_connect=False, **spec["wrap"])
        result = pump(sock, spec["send"], spec["receive"])
        sock.setblocking(True)
        # One of the two ends the connection, the other waits for that.
        result["end"] = None if spec.get("ends") else sock.read().decode()
        result["version"] = sock.version()
        sock.close()
    print(json.dumps(result))


with open(sys.argv[1]) as file:
    main(json.load(file))
