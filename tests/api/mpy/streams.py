# Reading and writing means what it means with MicroPython's own streams: files, sockets, BytesIO.

import io
import os
import socket
import struct

from pipes import (
    EPIPE, ETIMEDOUT, Link, POLLIN, new_client_context, new_server_context, noise, nudge, poll, socket_pair, transfer)
from testing import case, each, equal, raises, raises_os_error, run, same, true

TEXT = b"first line\nsecond\n\nfourth\rstill fourth\n" + bytes(range(256)) + b"\nthe last line has no end"


# What a call gives, or the type of what it raises.
def outcome(function, *arguments):
    try:
        return function(*arguments)
    except Exception as e:
        return type(e)


def plain(data):
    return io.BytesIO(data)


# A connection whose peer sent `data`, in records of `size`, and closed.
def encrypted(data, size=16384):
    link = Link()
    for i in range(0, len(data), size):
        equal(link.server.write(data[i:i + size]), len(data[i:i + size]))
    link.server.close()
    return link.client


def compare(calls, data=TEXT, sizes=(16384, 7, 1)):
    for size in sizes:
        mine, theirs = encrypted(data, size), plain(data)
        for name, arguments in calls:
            expected = outcome(getattr(theirs, name), *arguments)
            equal(outcome(getattr(mine, name), *arguments), expected, "%s%r, records of %d" % (name, arguments, size))


@case
def read_everything():
    compare([("read", ()), ("read", ()), ("read", (5,))])
    compare([("read", (-1,)), ("read", (-1,))])
    compare([("read", ())], b"")


@case
def read_some():
    compare([("read", (n,)) for n in (0, 1, 2, 3, 0, 100, 200, 1000, 1000, 0, 1)])


@case
def read_byte_by_byte():
    compare([("read", (1,))] * (len(TEXT) + 2))


@case
def read_after_the_end():
    compare([("read", (100000,)), ("read", (1,)), ("read", ()), ("readline", ()), ("readline", (3,))])


@case
def read_much():
    data = noise(100000)
    compare([("read", (60000,)), ("read", (60000,))], data, (16384, 1000))
    for chunk in (255, 256, 257, 4095, 4096, 4097, 16383, 16384, 16385, 50000):
        mine = encrypted(data[:chunk])
        equal(mine.read(), data[:chunk])


# As in py/stream.c, a size below -1 asks for more memory than there is.
@each("-2", "-100", "-1 << 30", "1 << 62")
def impossible_sizes(size):
    sock = encrypted(TEXT)
    raises((MemoryError, OverflowError), sock.read, eval(size))
    raises((MemoryError, OverflowError), sock.recv, eval(size))
    equal(sock.read(), TEXT)


@case
def readline():
    compare([("readline", ())] * 8)
    compare([("readline", (-1,))] * 8)


@case
def readline_with_a_limit():
    compare([("readline", (n,)) for n in (0, 1, 4, 100, 6, 7, 1, 1, 0, 20, 20, 1000, 1000)])


@case
def readline_then_read():
    compare([("readline", ()), ("read", (3,)), ("readline", ()), ("read", (1,)), ("readline", ()), ("read", ())])


def into(stream, name, size, *arguments):
    buffer = bytearray(b"." * size)
    result = outcome(getattr(stream, name), buffer, *arguments)
    return result, bytes(buffer)


@case
def readinto():
    for record in (16384, 7, 1):
        mine, theirs = encrypted(TEXT, record), plain(TEXT)
        for size in (0, 1, 5, 50, 0, 1000, 1000):
            equal(into(mine, "readinto", size), into(theirs, "readinto", size))


@case
def readinto_with_a_size():
    for record in (16384, 7, 1):
        mine, theirs = encrypted(TEXT, record), plain(TEXT)
        for size, limit in ((10, 0), (10, 3), (10, 10), (10, 11), (10, 1000), (0, 5), (10, -1)):
            equal(into(mine, "readinto", size, limit), into(theirs, "readinto", size, limit), (size, limit))


@each("bytearray", "memoryview", "part of a memoryview", "array")
def kinds_of_buffers_to_read_into(kind):
    import array

    sock = encrypted(TEXT)
    storage = array.array("H", [0] * 5) if kind == "array" else bytearray(10)
    buffer = storage
    if kind == "memoryview":
        buffer = memoryview(storage)
    elif kind == "part of a memoryview":
        buffer = memoryview(storage)[2:6]
    count = sock.readinto(buffer)
    if kind == "part of a memoryview":
        equal((count, bytes(storage)), (4, b"\0\0" + TEXT[:4] + b"\0\0\0\0"))
    else:
        equal((count, bytes(storage)), (10, TEXT[:10]))


@each("bytes", "str", "list", "int", "None")
def buffers_that_cannot_be_written_to(kind):
    sock = encrypted(TEXT)
    value = {"bytes": b"1234", "str": "1234", "list": [1, 2], "int": 12, "None": None}[kind]
    raises(TypeError, sock.readinto, value)
    raises(TypeError, sock.recv_into, value)
    equal(sock.read(), TEXT)


# recv() and recv_into() do not wait for more than there is.
@case
def recv_takes_what_is_there():
    link = Link()
    link.server.write(b"one")
    link.server.write(b"two")
    equal(link.client.recv(100), b"one")
    equal(link.client.recv(2), b"tw")
    equal(link.client.recv(100), b"o")
    same(link.client.recv(100), None)
    link.server.write(b"three")
    buffer = bytearray(10)
    equal(link.client.recv_into(buffer), 5)
    equal(bytes(buffer), b"three\0\0\0\0\0")
    link.server.write(b"four")
    equal(link.client.recv_into(buffer, 2), 2)
    equal(link.client.recv_into(buffer, 0), 0)
    equal(link.client.recv(0), b"")
    equal(link.client.recv(5), b"ur")
    link.server.close()
    equal(link.client.recv(5), b"")
    equal(link.client.recv_into(buffer), 0)


# Nothing there yet: the same answers as from a socket that does not block.
@case
def reading_before_anything_came():
    a, b = socket_pair()
    a.setblocking(False)
    link = Link()
    for name, arguments in (
        ("read", ()), ("read", (-1,)), ("read", (5,)), ("read", (0,)), ("readinto", (bytearray(5),)),
        ("readinto", (bytearray(0),)), ("readinto", (bytearray(5), 0)), ("readline", ()), ("readline", (3,)),
        ("readline", (0,)),
    ):
        equal(outcome(getattr(link.client, name), *arguments), outcome(getattr(a, name), *arguments), name)
    # Sockets raise EAGAIN here; of a SSLSocket recv() is another spelling of read().
    same(link.client.recv(5), None)
    same(link.client.recv_into(bytearray(5)), None)


@case
def reading_when_a_part_came():
    for name, arguments in (
        ("read", ()), ("read", (-1,)), ("read", (50,)), ("read", (2,)), ("readline", ()), ("readline", (3,)),
        ("readline", (50,)), ("recv", (50,)), ("recv", (2,)),
    ):
        a, b = socket_pair()
        a.setblocking(False)
        link = Link()
        for sink in (b, link.server):
            sink.write(b"a part")
        equal(outcome(getattr(link.client, name), *arguments), outcome(getattr(a, name), *arguments), (name, arguments))
    for size in (3, 6, 50):
        a, b = socket_pair()
        a.setblocking(False)
        link = Link()
        for sink in (b, link.server):
            sink.write(b"a part")
        equal(into(link.client, "readinto", size), into(a, "readinto", size))


@case
def reading_lines_that_come_in_parts():
    link = Link()
    link.server.write(b"one\ntw")
    equal(link.client.readline(), b"one\n")
    equal(link.client.readline(), b"tw")
    same(link.client.readline(), None)
    link.server.write(b"o\n\n")
    equal(link.client.readline(), b"o\n")
    equal(link.client.readline(), b"\n")
    link.server.write(b"no end")
    link.server.close()
    equal(link.client.readline(), b"no end")
    equal(link.client.readline(), b"")


# What has come together with a line is decrypted already. It stays, for poll() and for reads of every kind.
@case
def what_stands_behind_a_line():
    link = Link()
    link.server.write(b"a\nbb\nccc" + bytes(1000) + b"\nend")
    equal(link.client.readline(), b"a\n")
    del link.near.polls[:]
    equal(poll(link.client, POLLIN), POLLIN)
    equal(link.near.polls, [])  # it did not have to ask
    equal(link.client.pending(), 1010)
    equal(link.client.readline(2), b"bb")
    equal(link.client.recv(2), b"\nc")
    equal(link.client.readline(), b"cc" + bytes(1000) + b"\n")
    buffer = bytearray(3)
    equal(link.client.readinto(buffer), 3)
    equal(bytes(buffer), b"end")
    equal(link.client.pending(), 0)
    equal(poll(link.client, POLLIN), 0)


@each("bytes", "bytearray", "memoryview", "part of a memoryview", "str", "array")
def kinds_of_buffers_to_write(kind):
    import array

    link = Link()
    data = {
        "bytes": b"1234", "bytearray": bytearray(b"1234"), "memoryview": memoryview(b"1234"),
        "part of a memoryview": memoryview(b"..1234..")[2:6], "str": "1234",
        "array": array.array("H", [0x3231, 0x3433]),
    }[kind]
    equal(link.client.write(data), 4)
    equal(link.client.send(data), 4)
    equal(link.client.sendall(data), 4)
    equal(link.server.read(12), b"123412341234")


@case
def write_with_offset_and_length():
    for arguments in ((), (3,), (0,), (100,), (2, 3), (2, 0), (2, 100), (10, 1), (100, 1), (0, 10), (9, 1)):
        link = Link()
        file = io.BytesIO()
        equal(link.client.write(b"0123456789", *arguments), file.write(b"0123456789", *arguments), arguments)
        link.client.close()
        equal(link.server.read(), file.getvalue(), arguments)


@case
def write_nothing():
    link = Link()
    writes = link.near.writes
    equal(link.client.write(b""), 0)
    equal(link.client.send(b""), 0)
    equal(link.client.sendall(b""), 0)
    equal(link.near.writes, writes)


@each("1", "16383", "16384", "16385", "32768", "100000")
def write_much(size):
    size = int(size)
    link = Link()
    data = noise(size)
    equal(link.client.write(data), size)
    equal(link.server.read(size), data)
    # send() makes one record of it at most. One of TLS 1.3 holds the type of its content, too, which Mbed TLS counts.
    sent = link.client.send(data)
    true(sent == size or 16383 <= sent <= 16384, sent)
    equal(link.server.read(size), data[:sent])


@case
def large_writes_become_large_records():
    link = Link()
    link.client.write(bytes(65536))
    # The least that four records cost over the data is 22 bytes each.
    true(len(link.far.inbox) < 65536 + 200, len(link.far.inbox))


@case
def small_writes_go_out_at_once():
    link = Link()
    link.client.write(b"a")
    equal(link.server.read(1), b"a")
    true(link.near.writes > 0)


@case
def written_data_is_encrypted():
    link = Link()
    secret = b"this must not be readable on the wire"
    link.client.write(secret)
    true(secret not in bytes(link.far.inbox))
    true(len(link.far.inbox) > len(secret))


@case
def both_directions_at_once():
    link = Link()
    ping, pong = noise(70000, 2), noise(70000, 3)
    link.client.write(ping)
    link.server.write(pong)
    equal(link.client.read(70000), pong)
    equal(link.server.read(70000), ping)


# Real sockets of the system, the usual stream.
def over_sockets(**options):
    near, far = socket_pair()
    near.setblocking(False)
    far.setblocking(False)
    return Link(near=near, far=far, **options)


@case
def over_sockets_without_blocking():
    link = over_sockets()
    data = noise(1000000)
    equal(transfer(link.client, link.server, data), data)
    equal(transfer(link.server, link.client, data), data)


@case
def timeouts():
    link = over_sockets()
    link.client.settimeout(0.02)
    for name, arguments in (("read", (1,)), ("read", ()), ("readinto", (bytearray(1),)), ("readline", ()),
                            ("recv", (1,)), ("recv_into", (bytearray(1),))):
        raises_os_error(ETIMEDOUT, None, getattr(link.client, name), *arguments)
    link.server.write(b"after all")
    equal(link.client.read(9), b"after all")
    # A write that the peer does not take.
    data = noise(4000000)
    raises_os_error(ETIMEDOUT, None, link.client.sendall, data)


@case
def timeout_inside_a_read_loses_nothing():
    link = over_sockets()
    link.client.settimeout(0.02)
    link.server.write(b"seven..")
    raises_os_error(ETIMEDOUT, None, link.client.read, 10)
    link.server.write(b"ten")
    equal(link.client.read(10), b"seven..ten")


@case
def handshake_with_timeout():
    near, far = socket_pair()
    near.settimeout(0.02)
    raises_os_error(ETIMEDOUT, None, new_client_context().wrap_socket, near)
    # The socket is still open and the caller's.
    near.settimeout(None)
    true(far.read(1))
    far.write(b"x")
    equal(near.read(1), b"x")


@case
def descriptor_of_the_socket():
    link = over_sockets()
    equal(link.client.fileno(), link.near.fileno())


@case
def closing_closes_the_socket():
    link = over_sockets()
    link.client.close()
    equal(link.server.read(), b"")
    equal(link.far.read(1), b"")
    raises(OSError, link.near.write, b"x")


@case
def reset_by_the_peer():
    near, far = socket_pair()
    near.setblocking(False)
    far.setblocking(False)
    link = Link(near=near, far=far)
    # What it has not read makes the peer's close() a reset.
    link.client.write(b"unread")
    far.close()
    e = raises(OSError, transfer, link.client, link.client, bytes(100000))
    true(e.errno in (EPIPE, 104), e.errno)
    link.client.close()


# A class that derives from a socket is a socket, too.
@case
def subclass_of_a_socket():
    class Mine(socket.socket):
        pass

    near = Mine(socket.AF_UNIX)
    name = struct.pack("H", socket.AF_UNIX) + b"\0micropython-ssl-test-" + os.urandom(8)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(1)
    near.connect(name)
    far = listener.accept()[0]
    far.setblocking(False)
    near.setblocking(False)
    server = new_server_context().wrap_socket(far, do_handshake_on_connect=False)
    try:
        client = new_client_context().wrap_socket(near, do_handshake_on_connect=False)
    except (OSError, TypeError):
        # Refused at the door: the program knows at once.
        equal(near.fileno() >= 0, True)
        return
    for _ in range(20):
        if nudge(client) & nudge(server):
            break
    equal(transfer(client, server, b"ping"), b"ping")
    poll(client)
    client.close()
    raises(OSError, near.write, b"x")
    equal(server.read(), b"")


run()
