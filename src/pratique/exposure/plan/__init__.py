"""The response plan: what must be done, in which order, by whom, and what is still missing.

Owns: the steps and their order, the items that an answer asks for, what people said of them, and
how both are joined when the answer changes. Never does: any of it; nor reads the log or a clock.
docs/howto/respond.md explains the order. Start reading at `model`, then `items`.
"""
