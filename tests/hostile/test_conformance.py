"""Does our side keep to the RFCs when the other side does not? Byte-level peers (tests/lib/tls_bytes) in both roles.

The cases are in tests/lib/conformance: what the peer does, the alert that the RFC demands of us, and where a library does
otherwise. One MicroPython process has all connections of an engine, so that what one leaves behind hits the next.
"""

import copy
import importlib
import itertools
import json
import pathlib
import socket

import pytest
from conformance import CASES, CLOSED, END, REASONS, SILENT, TOLD, Known
from conformance.resumption import RESUMPTIONS
from processes import Process
from tls_bytes.keys import Identity
from tls_bytes.peer import whole
from tls_bytes.tls12 import Client12, Server12
from tls_bytes.tls13 import Client13, Server13
from tls_bytes.wire import HANDSHAKE

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 8  # for one connection, on either side
PEERS = {"client12": Client12, "client13": Client13, "server12": Server12, "server13": Server13}

for topic in ("plain", "versions", "messages", "records", "key_exchange", "extensions", "afterwards"):
    importlib.import_module(f"conformance.{topic}")


class Ours:
    """Our side: MicroPython that makes one connection after the other."""

    def __init__(self, argv, certs):
        self._argv, self._certs = argv, certs
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SECONDS)
        self._identities = {name: Identity(certs, name) for name in ("ec", "client-ec", "other-ca", "self-signed")}
        self._process = None

    def start(self):
        self._process = Process([*self._argv, self._listener.getsockname()[1]], env={"MICROPYPATH": ".frozen"})
        control, _ = self._listener.accept()
        control.settimeout(SECONDS)
        self._control = control.makefile("rw", encoding="utf-8")

    def _with_paths(self, value):
        """@NAME is a file of tools/make-certs."""
        if isinstance(value, list):
            return [self._with_paths(each) for each in value]
        return str(self._certs / value[1:]) if isinstance(value, str) and value.startswith("@") else value

    def peer(self, name, identity=None):
        """A peer with an identity of its own to alter, and that of a stranger."""
        peer = PEERS[name](copy.copy(self._identities[identity or ("ec" if name.startswith("server") else "client-ec")]))
        peer.stranger = copy.copy(self._identities["other-ca"])
        return peer

    def meet(self, peer, context=None, resume=None):
        """Our result of a connection with the peer."""
        if self._process is None:
            self.start()
        server = peer.role == "client"
        if server:
            context = {"cert": [str(self._certs / "ec-chain.pem"), str(self._certs / "ec.key")], **(context or {})}
        else:
            context = {"cafile": str(self._certs / "root.pem"), **(context or {})}
        context = {name: self._with_paths(value) for name, value in context.items()}
        order = {"port": self._listener.getsockname()[1], "server": server, "context": context, "resume": resume}
        try:
            print(json.dumps(order), file=self._control, flush=True)
            sock, _ = self._listener.accept()
            with sock:
                sock.settimeout(SECONDS)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer.run(sock)
            return json.loads(self._control.readline())
        except BaseException as error:
            # It hangs, or is gone, or has still to answer. The next case gets another.
            error.args = (*error.args, self._process.describe())
            self.stop()
            raise

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process = None
            self._control.close()

    def close(self):
        self.stop()
        self._listener.close()


@pytest.fixture(scope="module")
def ours(engine, interpreter, certs):
    us = Ours([interpreter(engine), HERE / "mpy" / "conformance.py"], certs)
    yield us
    us.close()


def fatal(peer):
    return [name for level, name in peer.alerts if level == "fatal"]


def succeeded(peer, result):
    """All that was to be said arrived at both ends."""
    return (result["error"] is None and peer.complete and result["received"] == peer.data.decode()
            and peer.received == b"from us" + peer.data and not fatal(peer) and not peer.unreadable)


def reasons(value):
    return value if isinstance(value, set) else {value}


def refused(peer, result, alert, reason):
    """Our side sent the alert, said so, and took nothing for true."""
    error = result["error"]
    if alert == END:
        return error is not None and error["reason"] == "connection_eof" and not fatal(peer) and error["alert"] is None
    if alert in (TOLD, CLOSED):
        return error is not None and error["reason"] == {TOLD: "peer_alert", CLOSED: "connection_eof"}[alert]
    if alert == SILENT:
        return error is not None and error["reason"] == reason and not fatal(peer) and error["alert"] is None
    return (error is not None and error["type"] in ("OSError", "SSLCertVerificationError") and error["detail"] and error["alert_by"] == "local"
            and error["alert"] == alert and error["reason"] in reasons(reason or REASONS.get(alert)) and (fatal(peer) == [alert] or peer.deaf and peer.unreadable > 0))


def outcome(peer, result):
    return f"peer heard {peer.alerts}, {peer.received!r}, {peer.unreadable} unreadable; ours: {result}"


@pytest.mark.parametrize("case", [pytest.param(each, id=each.id) for each in CASES])
def test_case(ours, engine, case):
    peer = ours.peer(case.peer)
    case.prepare(peer)
    result = ours.meet(peer, case.ours)
    judge(case, engine, peer, result, case.check)


@pytest.mark.parametrize("case", [pytest.param(each, id=each.id) for each in RESUMPTIONS])
def test_resumption(ours, engine, case):
    first, then = ours.peer(case.peer), ours.peer(case.peer)
    if first.role == "server" and first.version == 13:
        first.talk.insert(0, "send ticket")
    ours.meet(first, resume=case.id)
    then.ticket = first.ticket if first.role == "server" else first.ticket_to_offer()
    case.prepare(then)
    result = ours.meet(then, resume=case.id)
    judge(case, engine, then, result, None)
    if case.alert is None and case.resumed is not None:
        assert result["reused"] is case.resumed and then.resumed is case.resumed


def judge(case, engine, peer, result, check):
    """What is known of the library has to be so: otherwise its entry has to go."""
    what = f"{case.rfc}: {outcome(peer, result)}"
    known = case.known.get(engine)
    expected = known or Known("", case.alert, case.reason)
    alerts = expected.alert if isinstance(expected.alert, set) else {expected.alert}
    assert any(succeeded(peer, result) if alert is None else refused(peer, result, alert, expected.reason)
               for alert in alerts), what
    if known:
        pytest.xfail(known.why)
    if check:
        check(peer, result)


# ----------------------------------------------------------------------------------------------------------------------
# The same messages in other records (RFC 8446 5.1, RFC 5246 6.2.1): all of this must succeed

def in_two(at):
    return lambda kind, data: [data[:at], data[at:]] if kind == HANDSHAKE and at < len(data) else [data]


def in_pieces(size):
    return lambda kind, data: [data[i:i + size] for i in range(0, len(data), size)] if kind == HANDSHAKE else [data]


def framings(longest):
    """(words, frame, coalesce)"""
    yield "all in one", whole, True
    for size in range(1, 40):
        yield f"pieces of {size}", in_pieces(size), False
        yield f"pieces of {size} over the bounds of messages", in_pieces(size), True
    for at in range(1, longest):
        yield f"cut at {at}", in_two(at), False


def cuts_a_header(data, pieces):
    """Whether type and length of a message are not all in one piece."""
    bounds = set(itertools.accumulate(map(len, pieces)))
    start = 0
    while start < len(data):
        if bounds & set(range(start + 1, start + 4)):
            return True
        start += 4 + int.from_bytes(data[start + 1:start + 4], "big")
    return False


# Mbed TLS puts a message together from records only if the first of them has its type and length.
WANTS_WHOLE_HEADERS = ("mbedtls",)


@pytest.mark.parametrize("name", PEERS)
def test_fragments(ours, engine, name):
    """Every message of a handshake cut at every byte, in pieces of every size, and all in one record."""
    lengths, wrong, count = [], [], 0

    def handshake(frame, coalesce):
        """Whether it succeeds, and was to."""
        peer = ours.peer(name, "self-signed")  # a short chain, since each of its bytes is a handshake
        cut = []

        def watched(kind, data):
            pieces = frame(kind, data)
            lengths.append(len(data))
            cut.append(kind == HANDSHAKE and cuts_a_header(data, pieces))
            return pieces

        peer.frame, peer.coalesce = watched, coalesce
        # Without verification: the certificate is not the question.
        result = ours.meet(peer, {"cafile": None})
        return succeeded(peer, result), not (any(cut) and engine in WANTS_WHOLE_HEADERS), outcome(peer, result)

    assert handshake(whole, False)[0]
    for words, frame, coalesce in framings(max(lengths)):
        success, expected, what = handshake(frame, coalesce)
        count += 1
        if success != expected:
            wrong.append(f"{words}: {what}")
    assert count > 150 and wrong == [], f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:10])
