"""Does a session over MemoryBIOs go as it should against one over CPython's, whose bytes the test carries by hand?"""

import errno
import json
import os
import pathlib
import ssl

import python_peer
import pytest

SCRIPT = pathlib.Path(__file__).resolve().parent / "mpy" / "bio_peer.py"
VERSIONS = ("TLSv1.2", "TLSv1.3")
CONN_EOF = -29312
SIZE = 150_001

each_version = pytest.mark.parametrize("version", VERSIONS)
each_role = pytest.mark.parametrize("role", ["client", "server"])

# Every method that moves data, with its arguments.
READS = (("read", [10]), ("read", []), ("recv", [10]), ("readline", []), ("readinto", [{"room": 10}]),
         ("recv_into", [{"room": 10}]))
WRITES = (("write", [{"hex": "00"}]), ("send", [{"hex": "00"}]), ("sendall", [{"hex": "00"}]))


class Ours:
    """What mpy/bio_peer.py holds."""

    def __init__(self, process):
        self._process = process
        self._calls = 0

    def ask(self, name, method, arguments):
        self._process.send(json.dumps([name, method, arguments]) + "\n")
        answer = self._process.wait_output(rf"^{self._calls} (.*)\n", 20)[1]
        self._calls += 1
        return json.loads(answer)

    def __getattr__(self, method):
        """conn.METHOD(…): bytes, None or a number; and the number of an OSError is raised as one."""
        def call(*arguments):
            answer = self.ask("conn", method, list(arguments))
            if "error" in answer:
                raise OSError(answer["error"], method)
            return plain(answer["result"])

        return call

    def attribute(self, name, of="conn"):
        return plain(self.ask(of, name, None)["result"])

    def put(self, data):
        assert self.ask("incoming", "write", [{"hex": data.hex()}])["result"] == len(data)

    def take(self):
        return plain(self.ask("outgoing", "read", [])["result"])


def plain(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


class Theirs:
    """The same in CPython."""

    def __init__(self, context, **options):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.conn = context.wrap_bio(self.incoming, self.outgoing, **options)

    def put(self, data):
        self.incoming.write(data)

    def take(self):
        return self.outgoing.read()


class Pair:
    def __init__(self, ours, theirs):
        self.ours = ours
        self.theirs = theirs

    def carry(self):
        self.theirs.put(self.ours.take())
        self.ours.put(self.theirs.take())

    def shake(self):
        pending = [self.ours.do_handshake, self.theirs.conn.do_handshake]
        for _ in range(20):
            pending = [handshake for handshake in pending if would_block(handshake)]
            self.carry()
            if not pending:
                return self
        raise AssertionError("no handshake")


def would_block(function):
    """Whether a method that says so by an exception has to be called again."""
    try:
        function()
    except ssl.SSLWantReadError:
        return True
    except OSError as error:
        if error.errno != errno.EAGAIN:
            raise
        return True
    return False


def read_all(conn):
    """What CPython has got, up to where it would have to wait."""
    data = b""
    while True:
        try:
            piece = conn.read(65536)
        except ssl.SSLWantReadError:
            return data
        assert piece
        data += piece


@pytest.fixture
def connect(start_mpy, context, certs):
    """connect(ROLE, VERSION): our end in this role, and CPython's in the other."""
    def connect(role, version):
        if role == "client":
            spec = {"context": context("TLS_CLIENT", ca="root", version=version),
                    "wrap": {"server_hostname": "server.test"}}
            theirs = Theirs(python_peer.server_context(certs, version=version), server_side=True)
        else:
            spec = {"context": context("TLS_SERVER", cert="ec", version=version), "wrap": {"server_side": True}}
            theirs = Theirs(python_peer.client_context(certs, version=version), server_hostname="server.test")
        return Pair(Ours(start_mpy(SCRIPT, [spec], stdin=True)), theirs)

    return connect


def expect_errno(number, function, *arguments):
    with pytest.raises(OSError) as caught:
        function(*arguments)
    assert caught.value.errno == number


# ----------------------------------------------------------------------------------------------------------------------


@each_version
@each_role
def test_session(connect, role, version):
    """A handshake, data both ways, and the end, of which we begin one half."""
    pair = connect(role, version).shake()
    ours, theirs = pair.ours, pair.theirs.conn
    assert ours.version() == theirs.version() == version
    data = os.urandom(SIZE)

    assert ours.write({"hex": data.hex()}) == SIZE
    pair.carry()
    assert read_all(theirs) == data

    assert theirs.write(data) == SIZE
    pair.carry()
    assert ours.read(50_000) == data[:50_000]
    answer = ours.ask("conn", "readinto", [{"room": 50_000}])
    assert (answer["result"], plain(answer["buffer"])) == (50_000, data[50_000:100_000])
    answer = ours.ask("conn", "recv_into", [{"room": 100}])
    assert (answer["result"], plain(answer["buffer"])) == (100, data[100_000:100_100])
    rest = b""
    while piece := ours.recv(7000):
        rest += piece
    assert rest == data[100_100:]
    assert piece is None

    # In pieces that are no records.
    theirs.write(data)
    records = pair.theirs.take()
    got = b""
    for start in range(0, len(records), 10_007):
        ours.put(records[start:start + 10_007])
        while piece := ours.recv(20_000):
            got += piece
        assert piece is None
    assert got == data

    assert would_block(ours.unwrap)
    pair.carry()
    assert theirs.read(10) == b""
    theirs.unwrap()
    pair.carry()
    assert ours.unwrap() is None
    # What follows is not TLS.
    assert ours.ask("stream", "write", [{"hex": b"plain".hex()}])["result"] == 5
    assert ours.take() == b"plain"
    ours.put(b"plain, too")
    assert plain(ours.ask("stream", "read", [10])["result"]) == b"plain, too"


@each_version
@each_role
def test_they_end_it(connect, role, version):
    """close_notify comes behind data; what we say until we end our half still arrives."""
    pair = connect(role, version).shake()
    ours, theirs = pair.ours, pair.theirs.conn
    theirs.write(b"last words")
    assert would_block(theirs.unwrap)
    pair.carry()
    expect_errno(errno.EINVAL, ours.unwrap)  # there is data
    assert ours.read(100) == b"last words"
    assert (ours.read(100), ours.recv(100), ours.attribute("truncated")) == (b"", b"", False)
    assert ours.unwrap() is None
    pair.carry()
    theirs.unwrap()


@each_version
@each_role
def test_half_closed(connect, role, version):
    """shutdown(1) says close_notify, and reading goes on."""
    pair = connect(role, version).shake()
    ours, theirs = pair.ours, pair.theirs.conn
    assert ours.shutdown(1) is None
    expect_errno(errno.EPIPE, ours.write, {"hex": "00"})
    theirs.write(b"go on")
    pair.carry()
    assert theirs.read(10) == b""
    assert ours.recv(10) == b"go on"
    assert ours.close() is None
    assert ours.attribute("eof", of="incoming") is False


@each_version
@each_role
def test_nothing_waits(connect, role, version):
    """Before the handshake, and after it when nothing, or half a record, has come."""
    pair = connect(role, version)
    ours = pair.ours
    assert would_block(ours.do_handshake)
    for method, arguments in READS + WRITES:
        assert getattr(ours, method)(*arguments) is None, method
    expect_errno(errno.ENOTCONN, ours.unwrap)
    expect_errno(errno.ENOTCONN, ours.shutdown, 1)
    assert (ours.version(), ours.cipher(), ours.pending()) == (None, None, 0)
    pair.shake()
    assert ours.do_handshake() is None
    for half_a_record in (False, True):
        if half_a_record:
            pair.theirs.conn.write(b"a whole line\n")
            record = pair.theirs.take()
            ours.put(record[:-1])
        for method, arguments in READS:
            assert getattr(ours, method)(*arguments) is None, method
    for method, _ in WRITES:
        assert getattr(ours, method)({"hex": b"never full".hex()}) == 10
    ours.put(record[-1:])
    assert ours.readline() == b"a whole line\n"
    assert ours.readline() is None
    pair.carry()
    assert read_all(pair.theirs.conn) == b"never full" * 3


@each_version
@each_role
def test_end_without_a_word(connect, role, version):
    """write_eof(), at either end, where close_notify should be."""
    pair = connect(role, version).shake()
    ours, theirs = pair.ours, pair.theirs
    theirs.conn.write(b"cut")
    pair.carry()
    assert ours.ask("incoming", "write_eof", [])["result"] is None
    assert ours.attribute("eof", of="incoming") is False
    assert (ours.read(3), ours.read(3), ours.attribute("truncated")) == (b"cut", b"", True)
    assert ours.attribute("eof", of="incoming") is True
    assert ours.ask("incoming", "write", [{"hex": "00"}]) == {"error": errno.EPIPE}
    # We can still speak; then our bytes end, too.
    assert ours.write({"hex": b"goodbye".hex()}) == 7
    theirs.put(ours.take())
    theirs.incoming.write_eof()
    assert theirs.conn.read(10) == b"goodbye"
    with pytest.raises(ssl.SSLError) as caught:
        theirs.conn.read(1)
    assert caught.value.reason == "UNEXPECTED_EOF_WHILE_READING"


@each_version
@each_role
def test_end_in_the_handshake(connect, role, version):
    """What CPython sends is cut in the middle of its first flight."""
    pair = connect(role, version)
    assert would_block(pair.ours.do_handshake)
    pair.theirs.put(pair.ours.take())
    assert would_block(pair.theirs.conn.do_handshake)
    pair.ours.put(pair.theirs.take()[:-10])
    pair.ours.ask("incoming", "write_eof", [])
    expect_errno(CONN_EOF, pair.ours.do_handshake)
