# Little memory.

import gc


# Fills the heap but for one piece of `left` bytes; what is returned holds the rest.
def all_but(left):
    gc.collect()
    held = [None] * 2000  # grows no more
    piece = bytearray(left)
    size = 65536
    i = 0
    while size >= 16:
        try:
            held[i] = bytearray(size - 16)
            i += 1
        except MemoryError:
            size //= 2
    piece = None
    return held
