"""What all four peers share: sending, hearing, and what a test may alter.

A peer does what its lists say, names of its own methods send_NAME or hear_NAME, or functions of a test that take the
peer. Before it runs, a test may change

    steps       the handshake: names are "send certificate", "hear finished", …
    talk        what follows it: "send data", "send close_notify"
    alter_hello functions of a Hello by name ("client_hello", "server_hello"), before it is encoded
    alter       functions of a whole handshake message by name, before it is hashed and framed; what they return is sent
    frame       function(kind, data): the pieces that go into a record each (default: 2^14 bytes)
    coalesce    True: messages share records as far as the keys allow
    seal        function(protection, kind, piece): the record of a piece
"""

import socket

from cryptography.exceptions import InvalidTag
from tls_bytes.records import Plain
from tls_bytes.wire import (ALERT, ALERTS, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, KEY_UPDATE,
                            NEW_SESSION_TICKET)

LARGEST = 1 << 14


class Ended(Exception):
    """The other side has ended the connection."""


class Alerted(Exception):
    """The other side has sent an alert, or what cannot be read."""


def whole(kind, data):
    return [data[i:i + LARGEST] for i in range(0, len(data), LARGEST)]


def as_it_is(protection, kind, piece):
    return protection.seal(kind, piece)


class Peer:
    """One end of a connection; sock is a connected socket."""

    steps, talk = (), ("send data", "send close_notify")

    def __init__(self, identity):
        self.identity = identity
        self.steps, self.talk = list(self.steps), list(self.talk)
        self.alter_hello, self.alter = {}, {}
        self.frame, self.seal, self.coalesce = whole, as_it_is, False
        self.writing, self.reading = Plain(), Plain()
        self.transcript = b""
        self.data = b"from the peer"
        # What came of it
        self.heard = []  # (kind, bytes) of every record, opened
        self.received = b""  # application data
        self.alerts = []  # (level, name)
        self.complete = False  # the handshake
        self.tickets = []
        self.unreadable = 0  # records
        self.deaf = False  # True: it lacks the keys for what the other side sends
        self.key_updates = 0
        self._input, self._messages, self._waiting = b"", b"", {}

    def run(self, sock):
        """Does it all, and then listens to the end."""
        self.sock = sock
        try:
            self.follow(self.steps)
            self.complete = True
            self.follow(self.talk)
        except (Ended, Alerted, ConnectionError):
            pass
        self.listen()

    def follow(self, steps):
        for step in steps:
            if callable(step):
                step(self)
            else:
                getattr(self, step.replace(" ", "_"))()
        self.flush()

    # ------------------------------------------------------------------------------------------------------------------
    # Sending

    def say(self, name, data):
        """Sends a handshake message, or what the test makes of it."""
        data = self.alter.get(name, lambda data: data)(data)
        self.transcript += data
        self.put(HANDSHAKE, data)

    def say_hello(self, name, hello):
        self.alter_hello.get(name, lambda hello: None)(hello)
        self.say(name, hello.encode())

    def put(self, kind, data):
        """Sends data of a content type, now or with what follows."""
        if self.coalesce and kind == HANDSHAKE:
            self._waiting[kind] = self._waiting.get(kind, b"") + data
        else:
            self.flush()
            self.put_records(kind, data)

    def flush(self):
        for kind, data in self._waiting.items():
            self.put_records(kind, data)
        self._waiting = {}

    def put_records(self, kind, data):
        for piece in self.frame(kind, data):
            self.put_raw(self.seal(self.writing, kind, piece))

    def put_raw(self, data):
        self.sock.sendall(data)

    def write_with(self, protection):
        self.flush()
        self.writing = protection

    def send_data(self):
        self.put(APPLICATION_DATA, self.data)

    def send_close_notify(self):
        self.send_alert(1, 0)

    def send_alert(self, level, number):
        self.put(ALERT, bytes([level, number]))

    def send_change_cipher_spec(self):
        self.put(CHANGE_CIPHER_SPEC, b"\1")

    # ------------------------------------------------------------------------------------------------------------------
    # Hearing

    def _receive(self, size):
        while len(self._input) < size:
            piece = self.sock.recv(65536)
            if not piece:
                raise Ended
            self._input += piece
        result, self._input = self._input[:size], self._input[size:]
        return result

    def hear_record(self):
        """The next record that is not change_cipher_spec of TLS 1.3."""
        self.flush()
        header = self._receive(5)
        body = self._receive(int.from_bytes(header[3:], "big"))
        # Alerts may come before the other side has keys, or without them because it will never have them.
        if header[0] == ALERT and len(body) == 2 or header[0] == CHANGE_CIPHER_SPEC:
            kind, data = header[0], body
        else:
            try:
                kind, data = self.reading.open(header, body)
            except InvalidTag:
                self.unreadable += 1
                raise Alerted from None
        self.heard.append((kind, data))
        if kind == ALERT and len(data) != 2:
            self.unreadable += 1
            raise Alerted
        if kind == ALERT:
            self.alerts.append(({1: "warning", 2: "fatal"}[data[0]], ALERTS.get(data[1], str(data[1]))))
            raise Alerted
        if kind == APPLICATION_DATA:
            self.received += data
        return kind, data

    def hear(self, kind, name=None):
        """The next handshake message, which must be of this kind."""
        while len(self._messages) < 4 or len(self._messages) < 4 + int.from_bytes(self._messages[1:4], "big"):
            content, data = self.hear_record()
            if content == HANDSHAKE:
                self._messages += data
            else:
                assert content == CHANGE_CIPHER_SPEC, f"content type {content} inside the handshake"
        size = 4 + int.from_bytes(self._messages[1:4], "big")
        result, self._messages = self._messages[:size], self._messages[size:]
        assert result[0] == kind, f"handshake message {result[0]} instead of {kind}"
        self.transcript += result
        return result

    def listen(self):
        """Takes all that still comes."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while True:
                try:
                    kind, data = self.hear_record()
                except Alerted:
                    continue
                if kind == HANDSHAKE and self.complete:
                    self.hear_later(data)
        except (Ended, ConnectionError):
            pass

    def hear_later(self, data):
        """Handshake messages after the handshake; each comes in records of its own."""
        self._messages += data
        while len(self._messages) >= 4:
            size = 4 + int.from_bytes(self._messages[1:4], "big")
            if len(self._messages) < size:
                return
            one, self._messages = self._messages[:size], self._messages[size:]
            if one[0] == NEW_SESSION_TICKET:
                self.tickets.append(one)
            elif one[0] == KEY_UPDATE:
                self.key_updates += 1
                self.reading = self.reading.updated()
