"""CI logs: what installers, package managers and runners wrote down of what they fetched.

Owns: cutting bytes into lines (`cutting`), the times in front of them (`stamps`), the grammar of each
tool's lines (`lines_python`, `lines_node`, `lines_runner`), and the reading of one job's log as a
whole (`reading`): what it names, and what it leaves out. A log that is empty, cut off, expired or
silent about an install is *unknown*, never clean. Never does: open files, unpack archives, match
advisories. Start reading at `reading`.
"""
