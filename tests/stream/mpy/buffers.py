# Streams that keep the buffers they were given and look at them, or write to them, much later.

import gc

from pipes import End, Link, POLLOUT, new_psk_contexts, noise, poll, transfer
from testing import case, each, equal, raises, run, same, true


class Keeping(End):
    def __init__(self):
        super().__init__()
        self.kept = []

    def readinto(self, buf):
        count = super().readinto(buf)
        self.kept.append((buf, b""))  # its content may change
        return count

    def write(self, buf):
        self.kept.append((buf, bytes(buf)))
        return super().write(buf)


def stir():
    for i in range(50):
        bytearray(i * 100)
        gc.collect()


def compare(kept):
    for buf, before in kept:
        equal(bytes(buf[: len(before)]), before)


@each("established", "closed", "dropped", "failed")
def reading_them_later(state):
    near, far = Keeping(), Keeping()
    link = Link(near=near, far=far)
    data = noise(20000)
    equal(transfer(link.client, link.server, data), data)
    equal(transfer(link.server, link.client, data), data)
    if state == "closed":
        link.close()
    elif state == "failed":
        near.inbox.extend(b"garbage")
        raises(OSError, link.client.read, 1)
    elif state == "dropped":
        link = None
    stir()
    true(len(near.kept) > 5 and len(far.kept) > 5)
    compare(near.kept)
    compare(far.kept)


@case
def writing_to_them_later():
    near, far = Keeping(), Keeping()
    link = Link(near=near, far=far)
    data = noise(20000)
    for _ in range(3):
        # While the connection lives on, its memory must not be reachable through them.
        for buf, before in near.kept + far.kept:
            for i in range(len(buf)):
                buf[i] = 0xEE
        equal(transfer(link.client, link.server, data), data)
        equal(transfer(link.server, link.client, data), data)
    link.close()
    link = None
    stir()
    for buf, before in near.kept + far.kept:
        for i in range(len(buf)):
            buf[i] = 0x11


@case
def resizing_them_later():
    near = Keeping()
    link = Link(near=near)
    equal(transfer(link.server, link.client, noise(5000)), noise(5000))
    for buf, before in near.kept:
        buf.extend(b"x" * 1000)
        buf[:10] = b""
    stir()
    equal(transfer(link.server, link.client, noise(5000)), noise(5000))
    link = None
    stir()
    for buf, before in near.kept:
        buf.append(1)


@case
def keeping_views_of_them():
    class Viewing(End):
        kept = []

        def readinto(self, buf):
            self.kept.append(memoryview(buf))
            return super().readinto(buf)

        def write(self, buf):
            self.kept.append(memoryview(buf)[1:])
            return super().write(buf)

    link = Link(near=Viewing(), far=Viewing())
    data = noise(5000)
    equal(transfer(link.client, link.server, data), data)
    link = None
    stir()
    for view in Viewing.kept:
        for i in range(len(view)):
            view[i] = 0x22


# Each call reads into one buffer, however large the record; what is written is the stream's.
@case
def buffers_of_the_stream():
    class Measuring(Keeping):
        def __init__(self):
            super().__init__()
            self.rooms = {}  # the most that each buffer had room for: a later read may shorten it

        def readinto(self, buf):
            self.rooms[id(buf)] = max(len(buf), self.rooms.get(id(buf), 0))
            return super().readinto(buf)

    near = Measuring()
    link = Link(near=near)
    del near.kept[:]
    near.rooms = {}
    link.server.write(noise(15000))
    link.client.recv(15000)
    read, rooms = len(near.kept), near.rooms
    true(read > 3 and max(rooms.values()) <= 1024)
    equal(sum(1 for size in rooms.values() if size > 16), 1) # besides it there may be one for headers
    true(len(rooms) <= 2)
    link.client.write(noise(15000))
    true(max(len(buf) for buf, before in near.kept) <= 1024)
    equal(len({id(buf) for buf, before in near.kept}), len(near.kept) - read + len(rooms))


@case
def buffers_of_the_callers():
    # A blocked write does not remember the buffer it was given, a read neither.
    link = Link(*new_psk_contexts())
    data = bytearray(noise(3000))
    expected = bytes(data)
    link.near.writable = False
    equal(link.client.send(data), 3000)
    for i in range(len(data)):
        data[i] = 0
    data = None
    stir()
    link.near.writable = True
    poll(link.client, POLLOUT)
    equal(link.server.read(3000), expected)
    target = bytearray(10)
    same(link.client.readinto(target), None)
    link.server.write(b"0123456789")
    other = bytearray(10)
    equal(link.client.readinto(other), 10)
    equal(bytes(target), bytes(10))


@case
def nothing_secret_in_buffers():
    # What is handed to a stream to be written is ciphertext, what it may fill is empty.
    class Peeking(End):
        seen = []

        def readinto(self, buf):
            self.seen.append(bytes(buf))
            return super().readinto(buf)

    secret = b"SECRET-SECRET-SECRET-SECRET"
    link = Link(near=Peeking())
    link.server.write(secret * 100)
    link.client.read(10)
    link.client.write(secret * 100)
    link.client.read(len(secret) * 100 - 10)
    same(link.client.read(5), None)
    for seen in Peeking.seen:
        true(secret not in seen)


run()
