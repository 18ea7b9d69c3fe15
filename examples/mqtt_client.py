HELP = """Publish a message over MQTT and TLS, or show those that come.

    micropython mqtt_client.py HOST[:PORT] TOPIC [MESSAGE] [--cafile FILE] [--cert FILE --key FILE] [--name NAME]
                               [--id ID] [--keepalive SECONDS]

With MESSAGE it is published, and the broker has taken it when the program ends (QoS 1). Without, the messages of TOPIC,
which may hold + and #, are shown until the program is interrupted; a connection that is lost is made again, and TLS
resumes its session then. The broker's certificate must be valid for HOST, or for NAME, and lead to a trust anchor in the
cafile (PEM), or to one of the machine's; --cert and --key are the client's own. `Client` is for other programs too.
Exit code: 0 done or interrupted, 1 refused or failed, 2 wrong arguments.
"""

import binascii
import errno
import os
import select
import socket
import ssl
import sys
import time

# MQTT 3.1.1, section 2.2.1: kinds of packets, with the flags that they must have.
CONNECT, CONNACK, PUBLISH, PUBACK = 0x10, 0x20, 0x30, 0x40
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 0x82, 0x90, 0xC0, 0xD0, 0xE0
CLEAN_SESSION = 2
REFUSALS = ("", "wrong protocol version", "identifier rejected", "server unavailable", "bad user name or password",
            "not authorized")
LONGEST_PACKET = 65536
LONGEST_PAUSE = 60  # seconds between attempts to connect


class Failure(Exception):
    """What went wrong, in a sentence."""


class Usage(Exception):
    """The arguments are wrong."""


class Client:
    """A connection to a broker. All methods raise OSError when it is lost; connect() makes it again."""

    def __init__(self, host, port, context, client_id, name=None, keepalive=60):
        self.address = host, port
        self.context = context
        self.client_id = client_id
        self.name = name or host
        self.keepalive = keepalive
        self.conn = None
        self.waiting = []  # messages that came while something else was expected
        self.last_packet_id = 0

    def connect(self):
        """A fresh connection, on which the broker has accepted this client."""
        self.close()
        sock = connected_socket(*self.address, self.keepalive)
        try:
            self.conn = self.context.wrap_socket(sock, server_hostname=self.name, do_handshake_on_connect=False)
        except OSError:
            sock.close()
            raise
        # From here on each call has so long in all, however slow the broker is.
        self.conn.settimeout(self.keepalive)
        self.conn.do_handshake()
        self.poller = select.poll()
        self.poller.register(self.conn, select.POLLIN)
        self.ping_is_out = False
        head = text("MQTT") + bytes((4, CLEAN_SESSION)) + self.keepalive.to_bytes(2, "big")
        self.send(CONNECT, head + text(self.client_id))
        answer = self.expect(CONNACK)
        if answer[1]:
            raise Failure("the broker says: {}".format(REFUSALS[answer[1]] if answer[1] < 6 else answer[1]))

    def close(self):
        if self.conn is not None:
            self.conn.close()
            self.conn = None

    def disconnect(self):
        """Takes leave, so that the broker does not publish this client's will."""
        self.send(DISCONNECT, b"")
        self.close()

    def subscribe(self, topic):
        packet_id = self.new_packet_id()
        self.send(SUBSCRIBE, packet_id + text(topic) + b"\x01")
        answer = self.expect(SUBACK)
        if answer[2] == 0x80:
            raise Failure("the broker does not let us subscribe to {}".format(topic))

    def publish(self, topic, message):
        """Returns when the broker has taken it (QoS 1)."""
        packet_id = self.new_packet_id()
        self.send(PUBLISH | 2, text(topic) + packet_id + message)
        while self.expect(PUBACK)[:2] != packet_id:
            pass

    def receive(self, seconds):
        """The next message, (topic, message), or None if there was none in so many seconds. Keeps the connection alive."""
        deadline = time.ticks_add(time.ticks_ms(), int(seconds * 1000))
        while not self.waiting:
            left = time.ticks_diff(deadline, time.ticks_ms())
            if left <= 0:
                return None
            # Something has to be sent in every interval, and the broker answers it.
            until_ping = time.ticks_diff(self.next_ping, time.ticks_ms())
            if until_ping <= 0:
                if self.ping_is_out:
                    raise OSError(errno.ETIMEDOUT)
                self.send(PINGREQ, b"")
                self.ping_is_out = True
            elif self.poller.poll(min(left, until_ping)):
                self.take(*self.read_packet())
        return self.waiting.pop(0)

    # Packets

    def new_packet_id(self):
        self.last_packet_id = self.last_packet_id % 65535 + 1
        return self.last_packet_id.to_bytes(2, "big")

    def send(self, kind, body):
        size, head = len(body), bytes((kind,))
        while True:
            size, digit = size >> 7, size & 0x7F
            head += bytes((digit | 0x80 if size else digit,))
            if not size:
                break
        if self.conn is None:
            raise OSError(errno.ENOTCONN)
        self.conn.write(head + body)
        self.next_ping = time.ticks_add(time.ticks_ms(), self.keepalive * 500)

    def read_exactly(self, size):
        data = self.conn.read(size) if self.conn else b""
        if len(data) < size:
            raise OSError(errno.ECONNRESET)
        return data

    def read_packet(self):
        kind, size = self.read_exactly(1)[0], 0
        for shift in (0, 7, 14, 21):
            digit = self.read_exactly(1)[0]
            size |= (digit & 0x7F) << shift
            if digit < 0x80:
                break
        if size > LONGEST_PACKET:
            raise Failure("a packet of {} bytes is too long for this client".format(size))
        return kind, self.read_exactly(size)

    def expect(self, wanted):
        """The body of the next packet of this kind."""
        while True:
            kind, body = self.read_packet()
            if kind == wanted:
                return body
            self.take(kind, body)

    def take(self, kind, body):
        """Deals with a packet that nobody waits for."""
        if kind == PINGRESP:
            self.ping_is_out = False
        elif kind & 0xF0 == PUBLISH:
            end = 2 + int.from_bytes(body[:2], "big")
            topic = body[2:end].decode()
            if kind & 6:  # QoS 1, as subscribed
                self.send(PUBACK, body[end:end + 2])
                end += 2
            self.waiting.append((topic, body[end:]))


def connected_socket(host, port, timeout):
    """A socket, connected to the first of the host's addresses at which somebody listens."""
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    except OSError:
        raise OSError("{}: no address is known for this name".format(host))
    for family, _, _, _, address in found:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        try:
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def text(string):
    data = string.encode()
    return len(data).to_bytes(2, "big") + data


def make_context(cafile=None, cert=None, key=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    if hasattr(context, "session_cache_size"):  # firmware can do without
        context.session_cache_size = 1  # the next connection resumes the session
    try:
        if cafile:
            context.load_verify_locations(cafile=cafile)
        if cert:
            context.load_cert_chain(cert, key)
    except (OSError, ValueError) as error:
        raise Failure("certificate, key or cafile: {}".format(getattr(error, "detail", None) or error))
    return context


# ----------------------------------------------------------------------------------------------------------------------
# The program


def sentence(error):
    """What an OSError means, for people."""
    meanings = {
        errno.ECONNREFUSED: "nobody listens there",
        errno.ECONNRESET: "the broker cut the connection",
        errno.EHOSTUNREACH: "there is no way to that host",
        errno.ETIMEDOUT: "the broker does not answer",
        errno.EINPROGRESS: "the broker does not answer",
    }
    return getattr(error, "detail", None) or meanings.get(error.args[0]) or str(error)


def listen(client, topic):
    """Shows messages for ever. What another attempt cannot change ends it: refused certificates, ours or the broker's."""
    pause = 1
    while True:
        try:
            client.connect()
            client.subscribe(topic)
            print("connected over {}, {}".format(
                client.conn.version(), "resumed" if client.conn.session_reused else "full handshake"))
            pause = 1
            while True:
                message = client.receive(3600)
                if message:
                    print("{}: {}".format(message[0], message[1].decode("utf-8", "replace")))
        except OSError as error:
            if isinstance(error, ValueError) or getattr(error, "alert", None):
                raise
            print("lost: {}; again in {} s".format(sentence(error), pause))
            client.close()
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def parse(words, options):
    """Arguments without a name, and a dict of the others, which are --options with a value."""
    alone, named = [], {}
    words = iter(words)
    for word in words:
        if not word.startswith("--"):
            alone.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name not in options:
            raise Usage("there is no option {}".format(word))
        named[name] = value if equals else next(words, None)
        if named[name] is None:
            raise Usage("{} needs a value".format(word))
    return alone, named


def run(words):
    alone, named = parse(words, ("cafile", "cert", "key", "name", "id", "keepalive"))
    if not 2 <= len(alone) <= 3:
        raise Usage("HOST and TOPIC are needed, and at most a MESSAGE")
    host, _, port = alone[0].partition(":")
    keepalive = named.get("keepalive", "60")
    if not host or not (port or "8883").isdigit():
        raise Usage("not a host and port: {}".format(alone[0]))
    if not keepalive.isdigit() or not 0 < int(keepalive) < 65536:
        raise Usage("--keepalive is a number of seconds, 1 to 65535")
    if "key" in named and "cert" not in named:
        raise Usage("--key needs --cert")
    context = make_context(named.get("cafile"), named.get("cert"), named.get("key"))
    name = named.get("id") or "mpy-" + binascii.hexlify(os.urandom(8)).decode()
    client = Client(host, int(port or 8883), context, name, named.get("name"), int(keepalive))
    try:
        if len(alone) == 2:
            listen(client, alone[1])
        client.connect()
        client.publish(alone[1], alone[2].encode())
        client.disconnect()
    finally:
        client.close()


def main():
    if "--help" in sys.argv:
        print(HELP.strip())
        return 0
    try:
        run(sys.argv[1:])
    except Usage as error:
        print("mqtt_client: {}; see --help".format(error), file=sys.stderr)
        return 2
    except Failure as error:
        print("mqtt_client: {}".format(error), file=sys.stderr)
        return 1
    except OSError as error:
        print("mqtt_client: {}".format(sentence(error)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
