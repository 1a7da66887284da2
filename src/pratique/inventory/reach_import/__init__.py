"""Facts of reach from plain tables: who holds what, what it opens, whose that is.

Owns: the columns of CSV and JSON lines, and every check of a row, with its line. All or nothing: a
table with one wrong row gives no fact. Start reading at `tables`; docs/howto/record-reach.md explains.
"""
