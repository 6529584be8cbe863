"""The C library, for what the kernel does and Python has no function for, and the flags that several such calls take.

Who calls it asks `ctypes.get_errno` for the reason of a failure.
"""

from __future__ import annotations

import ctypes

libc = ctypes.CDLL(None, use_errno=True)

MNT_DETACH = 2  # linux/fs.h
UMOUNT_NOFOLLOW = 8
