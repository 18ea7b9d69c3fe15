# A stream over the second serial port of an emulated board, written in Python. Runs on the board.

import io
import machine
import sys
import time

STREAM_POLL = 3
POLLIN = 1
POLLOUT = 4


# CMSDK UART 1 of the board MPS2. The addresses are kept, since they are no small integers: adding them up anew each time
# would fill the heap.
class Cmsdk:
    def __init__(self):
        base = 0x40005000
        machine.mem32[base + 16] = 16  # baud rate divider
        machine.mem32[base + 8] = 3  # transmitter and receiver on
        self.data = base
        self.status = base + 4

    def readable(self):
        return machine.mem32[self.status] & 2

    def writable(self):
        return not machine.mem32[self.status] & 1

    def get(self):
        return machine.mem32[self.data] & 255

    def put(self, byte):
        machine.mem32[self.data] = byte


# 16550 on the PCI bus of the machine `virt`, slot 1, given a place in the window for I/O ports.
class Pci16550:
    CONFIGURATION = 0x30000000 + (1 << 15)
    BASE = 0x03000000 + 0x1000

    def __init__(self):
        machine.mem32[self.CONFIGURATION + 0x10] = 0x1000  # base address 0
        machine.mem16[self.CONFIGURATION + 4] = 1  # command: answer to I/O

    def readable(self):
        return machine.mem8[self.BASE + 5] & 1

    def writable(self):
        return machine.mem8[self.BASE + 5] & 0x20

    def get(self):
        return machine.mem8[self.BASE]

    def put(self, byte):
        machine.mem8[self.BASE] = byte


class Uart(io.IOBase):
    def __init__(self):
        self.port = Cmsdk() if "mps2" in sys.implementation._machine else Pci16550()
        self.blocking = True

    def setblocking(self, flag):
        self.blocking = flag

    # Waits for the first byte, as a blocking socket does, for 20 seconds at most.
    def readinto(self, buf):
        port = self.port
        start = time.ticks_ms()
        while not port.readable():
            if not self.blocking:
                return None
            if time.ticks_diff(time.ticks_ms(), start) > 20000:
                raise OSError(110)
        count = 0
        idle = 0
        # The next byte may be on its way.
        while count < len(buf) and idle < 100:
            if port.readable():
                buf[count] = port.get()
                count += 1
                idle = 0
            else:
                idle += 1
        return count

    def write(self, buf):
        port = self.port
        for count, byte in enumerate(buf):
            while not port.writable():
                if not self.blocking:
                    return count or None
            port.put(byte)
        return len(buf)

    def ioctl(self, request, arg):
        if request == STREAM_POLL:
            return (arg & POLLIN if self.port.readable() else 0) | (arg & POLLOUT if self.port.writable() else 0)
        return 0
