# A TLS client or server that does what the JSON file in its argument says, and prints what came of it as one line of JSON.
#
#   {"port": 4433, "context": {…}, "wrap": {…}, "steps": [["write", "hello"], ["read_to_end"], ["close"]]}
#
# context     protocol ("TLS_CLIENT"), cert and second_cert ([certfile, keyfile, password]), cafile, data (True: give
#             file contents, not paths), lists (revocation lists), pins (hex digests), ciphers, alpn, groups, set
#             (attributes), psk ({identity: hex key}), psk_callbacks (the same, by callbacks), psk_hint, record_verify
#             (True: call verify_callback), verify_raises (verify_callback raises KeyError with these words),
#             ticket_keys (hex), hosts ({name: a context, an alert, or words that sni_callback raises}; the names that
#             clients asked for are in the result)
# wrap        keyword arguments of SSLContext.wrap_socket
# server      True: listen; connections (default 1) are served one after the other. A client makes them in turn, to
#             each of its ports if port is a list
# udp         True: DTLS
# session     a file: the session in it is resumed, if it exists; the step save_session writes it
# timeout     for the transport in seconds, set before the handshake; 0: non-blocking
#
# The first step that fails ends the connection; {"error": …} tells where and how.

import hashlib
import io
import json
import select
import socket
import ssl
import sys
import time

MSG_PEEK = 2


def describe_error(error):
    try:
        errno = error.errno
    except AttributeError:
        errno = None
    return {
        "type": type(error).__name__,
        "is_os_error": isinstance(error, OSError),
        "is_value_error": isinstance(error, ValueError),
        "args": list(error.args),
        "errno": errno,
        "reason": getattr(error, "reason", None),
        "alert": getattr(error, "alert", None),
        "alert_by": getattr(error, "alert_by", None),
        "detail": getattr(error, "detail", None),
        "text": str(error),
    }


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def set_psk(context, keys):
    keys = {identity: bytes.fromhex(key) for identity, key in keys.items()}
    if context_is_server(context):
        context.server_psk_keys = keys
    else:
        context.psk_identity, context.psk_key = list(keys.items())[0]


def set_psk_callbacks(context, keys, hint):
    keys = {identity: bytes.fromhex(key) for identity, key in keys.items()}
    if context_is_server(context):
        # Identities that are no text come as bytes.
        context.set_psk_server_callback(lambda identity: keys.get(text_or_hex(identity)), hint)
    else:
        context.set_psk_client_callback(lambda hint: own_psk(keys, hint))


def text_or_hex(identity):
    return identity if isinstance(identity, str) else "hex:" + identity.hex()


# The key for the hint, or the first one.
def own_psk(keys, hint):
    identity = hint if hint in keys else list(keys)[0]
    name = bytes.fromhex(identity[4:]) if identity.startswith("hex:") else identity
    return name, keys[identity]


def context_is_server(context):
    return context.protocol in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_DTLS_SERVER)


def make_context(spec):
    context = ssl.SSLContext(getattr(ssl, "PROTOCOL_" + spec["protocol"]))
    argument = contents if spec.get("data") else str
    for name in ("cert", "second_cert"):
        if name in spec:
            cert, key, password = spec[name]
            context.load_cert_chain(argument(cert), key and argument(key), password)
    if "cafile" in spec:
        if spec.get("data"):
            context.load_verify_locations(cadata=contents(spec["cafile"]))
        else:
            context.load_verify_locations(spec["cafile"])
    if "lists" in spec:
        context.load_verify_locations(spec["lists"])
    if "pins" in spec:
        context.pins = {bytes.fromhex(pin) for pin in spec["pins"]}
    if "ciphers" in spec:
        context.set_ciphers(spec["ciphers"])
    if "alpn" in spec:
        context.set_alpn_protocols(spec["alpn"])
    if "groups" in spec:
        context.set_groups(spec["groups"])
    if "psk" in spec:
        set_psk(context, spec["psk"])
    if "verify_raises" in spec:
        context.verify_callback = lambda der, depth: complain(spec["verify_raises"])
    if "hosts" in spec:
        context.sni_callback = choose_among(
            {name: make_context(host) if isinstance(host, dict) else host for name, host in spec["hosts"].items()})
    if "ticket_keys" in spec:
        context.ticket_keys = [bytes.fromhex(key) for key in spec["ticket_keys"]]
    if "psk_callbacks" in spec:
        set_psk_callbacks(context, spec["psk_callbacks"], spec.get("psk_hint"))
    for name, value in spec.get("set", {}).items():
        setattr(context, name, value)
    return context


names = []


def choose_among(hosts):
    def choose(sock, name, context):
        names.append(name)
        host = hosts.get(name or "")
        if isinstance(host, ssl.SSLContext):
            sock.context = host
        elif isinstance(host, str):
            raise KeyError(host)
        else:
            return host

    return choose


def complain(words):
    raise KeyError(words)


def sha256():
    return hashlib.sha256()


def hex_digest(digest):
    return digest.digest().hex()


class Connection:
    def __init__(self, transport, context, options):
        self.transport = transport
        self.sock = context.wrap_socket(transport, **options)
        self.offset = 0

    def info(self):
        cipher = self.sock.cipher()
        peer = self.sock.getpeercert(True) if ssl.HAS_PEER_CERTIFICATE else None
        return {
            "version": self.sock.version(),
            "cipher": cipher and list(cipher),
            "verify_result": list(self.sock.verify_result),
            "reused": self.sock.session_reused,
            "protocol": self.sock.selected_alpn_protocol() if ssl.HAS_ALPN else None,
            "peer": peer and hex_digest(hashlib.sha256(peer)),
        }

    # Steps

    def send(self, text):
        return self.sock.send(text)

    def sendall(self, text):
        return self.sock.sendall(text)

    def write(self, text):
        return self.sock.write(text)

    def read(self, size):
        data = self.sock.read(size)
        return data if data is None else data.decode()

    def recv(self, size):
        data = self.sock.recv(size)
        return data if data is None else data.decode()

    def readinto(self, size):
        return self.fill(self.sock.readinto, size)

    def recv_into(self, size):
        return self.fill(self.sock.recv_into, size)

    def fill(self, method, size):
        buffer = bytearray(size)
        count = method(buffer)
        return count if count is None else buffer[:count].decode()

    # Of HTTP/2, as a list of its nine bytes.
    def frame_header(self):
        return list(self.sock.read(9))

    def readline(self, size=-1):
        data = self.sock.readline(size)
        return data if data is None else data.decode()

    def read_to_end(self):
        text = self.sock.read()
        return {"text": text.decode(), "truncated": self.sock.truncated}

    # Sends a file in pieces of the given sizes, over and over.
    def send_file(self, path, sizes):
        sent = 0
        turn = 0
        with open(path, "rb") as file:
            while True:
                piece = file.read(sizes[turn % len(sizes)])
                if not piece:
                    return sent
                turn += 1
                count = self.sock.write(piece)
                assert count == len(piece), (count, len(piece))
                sent += count

    # Receives size bytes (None: to the end), read in pieces of the given sizes.
    def receive(self, size, sizes):
        digest = sha256()
        received = 0
        turn = 0
        while size is None or received < size:
            want = sizes[turn % len(sizes)]
            turn += 1
            piece = self.sock.read(want if size is None else min(want, size - received))
            if not piece:
                break
            digest.update(piece)
            received += len(piece)
        return {"size": received, "sha256": hex_digest(digest), "truncated": self.sock.truncated}

    # As receive(), to the end, but into one buffer that is used again and again.
    def receive_into(self, buffer_size):
        digest = sha256()
        buffer = bytearray(buffer_size)
        view = memoryview(buffer)
        received = 0
        while True:
            count = self.sock.readinto(buffer)
            if not count:
                return {"size": received, "sha256": hex_digest(digest), "truncated": self.sock.truncated}
            digest.update(view[:count])
            received += count

    # Sends back what comes, until it was size bytes.
    def receive_and_return(self, size):
        while size:
            data = self.sock.recv(5000)
            assert data, "ended too early"
            self.sock.write(data)
            size -= len(data)

    # DTLS: sends lines, a datagram each, and waits for the test; then says "end" and returns all lines that come until
    # the peer says so too.
    def exchange_lines(self, lines):
        for line in lines:
            assert self.sock.send(line) == len(line)
        self.say("sent")
        self.wait()
        self.sock.send("end\n")
        received = []
        while not received or received[-1] != "end\n":
            message = self.sock.recv(5000)
            assert message, "ended too early"
            received.append(message.decode())
        return received[:-1]

    # Skips the header of an HTTP message; returns its first line.
    def headers(self):
        first = self.sock.readline().decode().strip()
        while self.sock.readline().strip():
            pass
        return first

    # Answers one HTTP request.
    def serve_http(self, body):
        request = self.headers()
        self.sock.write("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        return request

    # Sends a file, from where the last send_some() stopped, until a send() (or another method) cannot go on or there is
    # no more.
    def send_some(self, path, sizes, method="send"):
        turn = 0
        errno = None
        with open(path, "rb") as file:
            while True:
                file.seek(self.offset)
                piece = file.read(sizes[turn % len(sizes)])
                turn += 1
                try:
                    count = getattr(self.sock, method)(piece) if piece else None
                except OSError as error:
                    errno = error.errno
                    break
                if count is None:
                    break
                self.offset += count
        return {"offset": self.offset, "errno": errno}

    # Whether poll() finds it ready for all of these events ("r", "w", "rw") within some milliseconds.
    def poll(self, events, timeout):
        mask = (select.POLLIN if "r" in events else 0) | (select.POLLOUT if "w" in events else 0)
        poller = select.poll()
        poller.register(self.sock, mask)
        ready = poller.poll(timeout)
        return bool(ready) and ready[0][1] == mask

    def pending(self):
        return self.sock.pending()

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    def do_handshake(self):
        self.sock.do_handshake()

    def stats(self):
        return self.sock.stats()

    # In hexadecimal, or None.
    def binding(self, kind):
        binding = self.sock.get_channel_binding(kind)
        return binding and binding.hex()

    def export(self, label, size, context=None):
        return self.sock.export_keying_material(label, size, context).hex()

    # Runs a step that may fail; tells how.
    def attempt(self, step):
        try:
            return {"result": getattr(self, step[0])(*step[1:])}
        except Exception as error:
            return {"error": describe_error(error)}

    # How many milliseconds a step takes.
    def duration(self, step):
        start = time.ticks_ms()
        getattr(self, step[0])(*step[1:])
        return time.ticks_diff(time.ticks_ms(), start)

    # Keeps the session for another process.
    def save_session(self, path):
        session = self.sock.session
        with open(path, "wb") as file:
            file.write(session.serialize())
        return {"has_ticket": session.has_ticket, "id": session.id.hex(), "lifetime": session.ticket_lifetime_hint}

    # Tells the test that it is here.
    def say(self, word):
        print(word)

    # Waits until the test says something.
    def wait(self):
        return sys.stdin.readline().strip()

    def shutdown(self, how):
        self.sock.shutdown(how)

    def unwrap(self):
        self.sock.unwrap()

    def close(self):
        self.sock.close()

    # Ends the connection without a word of TLS.
    def drop(self):
        self.transport.close()


def wrap_options(spec):
    options = dict(spec.get("wrap", {}))
    if "session" in spec:
        try:
            options["session"] = ssl.SSLSession.deserialize(contents(spec["session"]))
        except OSError:
            pass  # it is not there yet
    return options


def run_connection(transport, context, spec):
    result = {"steps": [], "error": None}
    where = "wrap"
    connection = None
    try:
        connection = Connection(transport, context, wrap_options(spec))
        for where, *args in spec.get("steps", []):
            if where == "close":
                result["info"] = connection.info()
            result["steps"].append(getattr(connection, where)(*args))
    except Exception as error:
        result["error"] = describe_error(error)
        result["error"]["where"] = where
        buffer = io.StringIO()
        sys.print_exception(error, buffer)
        result["error"]["traceback"] = buffer.getvalue()
    if connection is not None and "info" not in result:
        result["info"] = connection.info()
    return result


def accept_datagrams(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    # The first datagram stays where the handshake will find it.
    _, client = server.recvfrom(1, MSG_PEEK)
    server.connect(client)
    return server


def connected(ports, kind):
    for port in ports:
        transport = socket.socket(socket.AF_INET, kind)
        transport.connect(socket.getaddrinfo("127.0.0.1", port, 0, kind)[0][-1])
        yield transport


def transports(spec):
    kind = socket.SOCK_DGRAM if spec.get("udp") else socket.SOCK_STREAM
    ports = spec["port"] if isinstance(spec["port"], list) else [spec["port"]]
    address = socket.getaddrinfo("127.0.0.1", ports[0], 0, kind)[0][-1]
    if not spec.get("server"):
        yield from connected(ports * spec.get("connections", 1), kind)
    elif spec.get("udp"):
        yield accept_datagrams(spec["port"])
    else:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(5)
        for _ in range(spec.get("connections", 1)):
            yield listener.accept()[0]
        listener.close()


def main(spec):
    verified = []

    def record(der, depth):
        verified.append([depth, hex_digest(hashlib.sha256(der))])
        return 0

    context = make_context(spec["context"])
    if spec["context"].get("record_verify"):
        context.verify_callback = record
    results = []
    for transport in transports(spec):
        if "timeout" in spec:
            transport.settimeout(spec["timeout"])
        results.append(run_connection(transport, context, spec))
        # After a failed handshake nobody else closes it.
        if results[-1]["error"]:
            transport.close()
    outcome = results[0] if len(results) == 1 else {"connections": results}
    outcome["verified"] = verified
    outcome["names"] = names
    if hasattr(context, "session_stats"):
        outcome["session_stats"] = context.session_stats()
    print(json.dumps(outcome))


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        main(json.load(file))
