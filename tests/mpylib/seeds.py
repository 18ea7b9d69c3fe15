# Seeds of random cases: as many as there is time for.
#
# CHECKED_SEED is the first one, CHECKED_SECONDS how long the case goes on: 0 is one seed. So what has failed is seen again
# with CHECKED_SECONDS=0 CHECKED_SEED=… and the name of the case.

import os
import random
import struct
import time


def seeds(seconds):
    seconds = int(os.getenv("CHECKED_SECONDS") or seconds)
    first = os.getenv("CHECKED_SEED")
    seed = int(first) if first else struct.unpack("I", os.urandom(4))[0] >> 2
    print("CHECKED_SEED=%d and following" % seed)
    start = time.ticks_ms()
    count = 0
    while True:
        random.seed(seed)
        yield seed
        count += 1
        seed += 1
        if time.ticks_diff(time.ticks_ms(), start) >= seconds * 1000:
            break
    print("%d seeds" % count)
