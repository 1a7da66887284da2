"""Pages for people: why a file is blocked, and how the door is doing.

Owns: HTML and its JSON twin. Receives values, never stores. No script runs in a page of ours, and
no page relies on ambient credentials for a change: granting a waiver asks for an approver's token
in the form itself, so another site cannot make a browser grant one.
"""
