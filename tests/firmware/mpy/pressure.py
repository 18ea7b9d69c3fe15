# Too little memory, or in pieces: a connection works or says what it lacks, and nothing is left behind.

import gc
import ssl

from pipes import Link, new_psk_contexts, new_server_context, new_verifying_context, noise, transfer
from testing import case, contains, equal, run, true

ENOMEM = 12


# Fills the heap until about `left` bytes are free; the list holds what it took.
def ballast(left):
    gc.collect()
    held = [None] * 2000  # grows no more
    count = 0
    size = 4096
    while size >= 64:
        for _ in range(min((gc.mem_free() - left) // size, len(held) - count)):
            try:
                held[count] = bytearray(size - 32)
            except MemoryError:
                break  # no piece is that long any more
            count += 1
        size //= 2
    return held


# True if a connection could be made and used, False if memory ran out and the error said so.
def connect(contexts, data):
    link = None
    try:
        link = Link(*contexts)
        equal(transfer(link.client, link.server, data), data)
        return True
    except MemoryError:
        return False
    except OSError as e:
        equal(e.errno, ENOMEM)
        contains(e.detail, "bytes")
        return False
    finally:
        if link:
            link.close()


def sweep(contexts, sizes):
    data = noise(500)
    true(connect(contexts, data), "with all memory")
    gc.collect()
    before = gc.mem_alloc()
    worked = []
    for size in sizes:
        held = ballast(size)
        worked.append(connect(contexts, data))
        held = None
        gc.collect()
        leak = gc.mem_alloc() - before
        # What the loop itself holds differs by a few blocks.
        true(leak < 500, "%d bytes left after an attempt with %d" % (leak, size))
        true(connect(contexts, data), "after an attempt with %d bytes" % size)
        gc.collect()
    true(True in worked and False in worked, "no limit in %r" % (worked,))
    # More memory never makes it worse (pieces of memory may, a little).
    true(worked[0] is True and worked[-1] is False, repr(worked))


@case
def less_and_less_memory_with_a_key():
    sweep(new_psk_contexts(), range(80000, 2000, -12000))


@case
def less_and_less_memory_with_certificates():
    sweep((new_verifying_context(), new_server_context()), range(100000, 4000, -12000))


@case
def two_hundred_rounds_in_fragmented_memory():
    contexts = new_psk_contexts()
    pieces = [bytearray(200) for _ in range(900)]
    for i in range(0, len(pieces), 2):
        pieces[i] = None
    data = noise(300)
    true(connect(contexts, data))
    gc.collect()
    before = gc.mem_alloc()
    for i in range(200):
        true(connect(contexts, data), "round %d" % i)
    gc.collect()
    true(gc.mem_alloc() - before < 500, "%d bytes more" % (gc.mem_alloc() - before))
    equal(sum(len(piece) for piece in pieces if piece), 200 * 450)


run()
