"""Becomes a server that ends with its supervisor: `exec_child.py PARENT SIGNAL IDENTITY PROGRAM [ARG…]`.

It runs between `fork` and the server's `exec`, where `preexec_fn` would: that one can deadlock in a
supervisor that has threads (gRPC has), since it runs Python in a copy of one thread that may have been
forked while another held a lock. Started by path and isolated (`python -I -S`), it imports next to nothing
and costs some 15 ms. Linux only.
"""

import ctypes
import os
import sys

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def main(*, parent: int, death_signal: int, identity: str, argv: list[str]) -> None:
    try:
        become(identity)
    except OSError as error:
        sys.exit(f"cannot run {argv[0]} as {identity!r}: {error}")
    # Only now: the kernel forgets a death signal when credentials change.
    _call("prctl", _PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(f"the supervisor (process {parent}) ended before {argv[0]} was started")
    os.execv(argv[0], argv)


def become(identity: str) -> None:
    """Take an identity: `self`, `userns:UID` or `setuid:UID:GID`."""
    match identity.split(":"):
        case ["self"]:
            pass
        case ["userns", uid]:
            _show_root_as(int(uid))
        case ["setuid", uid, gid]:
            _switch_user(int(uid), int(gid))
        case _:
            raise OSError(f"{identity!r} is no identity")


def _show_root_as(uid: int) -> None:
    """In a user namespace of its own the process sees itself as `uid`; outside, it stays what it was."""
    outer_uid, outer_gid = os.getuid(), os.getgid()
    _call("unshare", _CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),  # user_namespaces(7): needed before gid_map may be written without privilege
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{uid} {outer_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _switch_user(uid: int, gid: int) -> None:
    """Switch to `uid`, still able to walk through root's folders (home and binaries may lie in a 0700 one).

    CAP_DAC_OVERRIDE is kept as an ambient capability, the one kind that survives an exec by another user
    than root.
    """
    _call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    bit = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; low, then high
    _call("capset", ctypes.byref(header), ctypes.byref(sets))
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}")


if __name__ == "__main__":
    main(parent=int(sys.argv[1]), death_signal=int(sys.argv[2]), identity=sys.argv[3], argv=sys.argv[4:])
