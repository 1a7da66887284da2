"""System calls by name: what a confined worker may do, what ends it at once, and their numbers.

A call in neither list fails with EPERM, as a library expects of a file that it may not open. The
deadly ones are called by no honest code in a worker: who calls them has taken it over.
Source: Linux, arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

X86_64 = """
read 0, write 1, close 3, fstat 5, poll 7, lseek 8, mmap 9, mprotect 10, munmap 11, brk 12,
rt_sigaction 13, rt_sigprocmask 14, rt_sigreturn 15, pread64 17, readv 19, writev 20, select 23,
fcntl 72,
sched_yield 24, mremap 25, madvise 28, nanosleep 35, getpid 39, socket 41, connect 42, accept 43,
sendto 44, recvfrom 45, sendmsg 46, recvmsg 47, bind 49, listen 50, socketpair 53, clone 56, fork 57,
vfork 58, execve 59, exit 60, kill 62, gettimeofday 96, getrusage 98, times 100, ptrace 101,
getuid 102, getgid 104, setuid 105, geteuid 107, getegid 108, getppid 110, setresuid 117, capset 126,
rt_sigqueueinfo 129, sigaltstack 131, personality 135, modify_ldt 154, pivot_root 155, prctl 157,
setrlimit 160, chroot 161, mount 165, umount2 166, swapon 167, reboot 169, iopl 172, ioperm 173,
init_module 175, delete_module 176, gettid 186, tkill 200, time 201, futex 202,
sched_getaffinity 204, restart_syscall 219, clock_gettime 228, clock_getres 229,
clock_nanosleep 230, exit_group 231, tgkill 234, kexec_load 246, add_key 248, request_key 249,
keyctl 250, pselect6 270, ppoll 271, unshare 272, set_robust_list 273, vmsplice 278, accept4 288,
rt_tgsigqueueinfo 297, perf_event_open 298, prlimit64 302, name_to_handle_at 303,
open_by_handle_at 304, setns 308, getcpu 309, process_vm_readv 310, process_vm_writev 311,
finit_module 313, seccomp 317, getrandom 318, memfd_create 319, kexec_file_load 320, bpf 321,
execveat 322, userfaultfd 323, membarrier 324, rseq 334, pidfd_send_signal 424, io_uring_setup 425,
io_uring_enter 426, io_uring_register 427, open_tree 428, move_mount 429, fsopen 430, pidfd_open 434,
clone3 435, close_range 436, pidfd_getfd 438, process_madvise 440, memfd_secret 447
"""

AARCH64 = """
fcntl 25, umount2 39, mount 40, pivot_root 41, chroot 51, close 57, lseek 62, read 63, write 64, readv 65,
writev 66, pread64 67, pselect6 72, ppoll 73, vmsplice 75, fstat 80, personality 92, exit 93,
exit_group 94, capset 91, unshare 97, futex 98, set_robust_list 99, nanosleep 101, kexec_load 104,
init_module 105, delete_module 106, clock_gettime 113, clock_getres 114, clock_nanosleep 115,
ptrace 117, sched_getaffinity 123, sched_yield 124, restart_syscall 128, kill 129, tkill 130,
tgkill 131, sigaltstack 132, rt_sigaction 134, rt_sigprocmask 135, rt_sigqueueinfo 138,
rt_sigreturn 139, reboot 142, setuid 146, setresuid 147, times 153, setrlimit 164, getrusage 165,
prctl 167, getcpu 168, gettimeofday 169, getpid 172, getppid 173, getuid 174, geteuid 175,
getgid 176, getegid 177, gettid 178, socket 198, socketpair 199, bind 200, listen 201, accept 202,
connect 203, sendto 206, recvfrom 207, sendmsg 211, recvmsg 212, brk 214, munmap 215, mremap 216,
add_key 217, request_key 218, keyctl 219, clone 220, execve 221, mmap 222, swapon 224, mprotect 226,
madvise 233, rt_tgsigqueueinfo 240, perf_event_open 241, accept4 242, prlimit64 261,
name_to_handle_at 264, open_by_handle_at 265, setns 268, process_vm_readv 270,
process_vm_writev 271, finit_module 273, seccomp 277, getrandom 278, memfd_create 279, bpf 280,
execveat 281, userfaultfd 282, membarrier 283, rseq 293, kexec_file_load 294, pidfd_send_signal 424,
io_uring_setup 425, io_uring_enter 426, io_uring_register 427, open_tree 428, move_mount 429,
fsopen 430, pidfd_open 434, clone3 435, close_range 436, pidfd_getfd 438, process_madvise 440,
memfd_secret 447
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _numbers(table: str) -> dict[str, int]:
    pairs = (entry.split() for entry in table.split(","))
    return {name: int(number) for name, number in pairs}


NUMBERS = {"x86_64": _numbers(X86_64), "aarch64": _numbers(AARCH64)}

ALLOWED = _words(
    """
    read write readv writev pread64 lseek close close_range fstat recvfrom recvmsg sendto sendmsg
    poll ppoll select pselect6 brk munmap mremap madvise futex membarrier rseq set_robust_list
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall sched_yield
    sched_getaffinity getcpu clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time
    times getrusage getrandom getpid gettid getppid getuid geteuid getgid getegid exit exit_group
    """
)
"""Memory, time, and talk over what is open already. Some more depend on an argument (`seccomp.py`)."""

NOT_EXECUTABLE = frozenset({"mmap", "mprotect"})
"""Allowed as long as the memory does not become code."""

DEADLY = _words(
    """
    execve execveat fork vfork clone clone3 socket socketpair connect bind listen accept accept4
    ptrace process_vm_readv process_vm_writev process_madvise kill tkill rt_sigqueueinfo
    rt_tgsigqueueinfo pidfd_open pidfd_getfd pidfd_send_signal bpf io_uring_setup io_uring_enter
    io_uring_register userfaultfd perf_event_open keyctl add_key request_key mount umount2
    move_mount fsopen open_tree pivot_root chroot unshare setns init_module finit_module
    delete_module kexec_load kexec_file_load reboot swapon open_by_handle_at name_to_handle_at
    personality modify_ldt iopl ioperm vmsplice memfd_create memfd_secret setuid setresuid capset
    seccomp
    """
)
"""Other processes, the network, more rights, more kernel: the worker is killed where it stands."""

OFFLINE = _words(
    """
    connect execve execveat vfork ptrace process_vm_readv process_vm_writev process_madvise
    pidfd_getfd bpf io_uring_setup io_uring_enter io_uring_register userfaultfd perf_event_open
    keyctl add_key request_key mount umount2 move_mount fsopen open_tree pivot_root chroot unshare
    setns init_module finit_module delete_module kexec_load kexec_file_load reboot swapon
    open_by_handle_at name_to_handle_at personality modify_ldt iopl ioperm
    """
)
"""Refused to a process that keeps to itself but lives an ordinary life (`seccomp.assemble_offline`)."""
