"""Lets one system user pass through a folder, and nobody else: a POSIX access control list.

``chmod o+x`` would let everybody on the machine through. Linux keeps the list in an extended
attribute of the folder, so neither a library nor ``setfacl`` is needed (the layout is that of
``linux/posix_acl_xattr.h``).
"""

import errno
import os
import stat
import struct
from pathlib import Path

from tools.terminal.failure import Failure

ATTRIBUTE = "system.posix_acl_access"
VERSION = struct.pack("<I", 2)
ENTRY = struct.Struct("<HHI")  # tag, permissions, id
OWNER, USER, GROUP, MASK, OTHERS = 0x01, 0x02, 0x04, 0x10, 0x20
NO_ID = 0xFFFFFFFF
PASS = 0o1


def let_through(path: Path, uid: int) -> None:
    """Let user ``uid`` pass through a folder that others can't; repeating it changes nothing.

    Raises:
        Failure: the file system keeps no such lists, or the folder is not ours to change.
    """
    mode = path.stat().st_mode
    if mode & stat.S_IXOTH:
        return
    entries = _entries(path, mode)
    entries[USER, uid] = entries.get((USER, uid), 0) | PASS
    # the mask bounds what named users and groups may do: it grows by what was just given
    entries[MASK, NO_ID] = entries.get((MASK, NO_ID), _group(mode)) | PASS
    listed = b"".join(ENTRY.pack(tag, may, who) for (tag, who), may in sorted(entries.items()))
    try:
        os.setxattr(path, ATTRIBUTE, VERSION + listed)
    except OSError as refused:
        raise Failure(
            f"PostgreSQL does not run as root, and its own user can't pass through {path}"
            f" ({refused.strerror})",
            f"Start it as another user than root, choose --data DIR below a folder that everybody"
            f" may pass through, or allow it yourself: chmod o+x {path}",
        ) from None


def _entries(path: Path, mode: int) -> dict[tuple[int, int], int]:
    """Return (tag, id) -> permissions, from the list of the folder or else from its mode."""
    try:
        stored = os.getxattr(path, ATTRIBUTE)
    except OSError as absent:
        if absent.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
        stored = b""
    found = {(tag, who): may for tag, may, who in ENTRY.iter_unpack(stored[len(VERSION) :])}
    return found or {
        (OWNER, NO_ID): mode >> 6 & 0o7,
        (GROUP, NO_ID): _group(mode),
        (OTHERS, NO_ID): mode & 0o7,
    }


def _group(mode: int) -> int:
    return mode >> 3 & 0o7
