"""What MicroPython's asyncio holds of tasks that have ended, and how to make it let go.

It leaves `child_last` as it was when it takes a task out of its queue (py/pairheap.h). A task that waits for its stream
so holds the last one that waited behind it, though that has ended, which holds another, and so on.

As a program: says, as JSON, how many bytes eleven ended tasks of 2,000 bytes hold, and how many afterwards.
"""

import asyncio
import gc
import json

import uctypes

POINTER = uctypes.sizeof({"address": (0 | uctypes.PTR, uctypes.VOID)})
# mp_pairheap_t begins with its type, child and child_last.
TASK = {"child_last": 2 * POINTER | (uctypes.UINT64 if POINTER == 8 else uctypes.UINT32)}


def forget_ended():
    """Cuts what hangs on this task, and on all that wait for a stream."""
    waiting = [task for tasks in asyncio.core._io_queue.map.values() for task in tasks[:2] if task]
    for task in waiting + [asyncio.current_task()]:
        uctypes.struct(id(task), TASK).child_last = 0


def held():
    bytearray(20_000)  # whose address is found on the stack, in place of others
    gc.collect()
    return gc.mem_alloc()


async def chain(length, done):
    ballast = bytearray(2_000)  # noqa: F841
    await asyncio.sleep_ms(10)
    if length:
        asyncio.create_task(chain(length - 1, done))
        await asyncio.sleep_ms(10)
    else:
        await asyncio.sleep_ms(100)
        done.set()


async def main():
    done = asyncio.Event()
    before = held()
    asyncio.create_task(chain(10, done))
    await asyncio.sleep_ms(1)  # the first of the chain waits behind this
    await done.wait()
    after = held()
    forget_ended()
    print(json.dumps([after - before, held() - before]))


if __name__ == "__main__":
    asyncio.run(main())
