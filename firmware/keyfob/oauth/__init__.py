"""The protocol, sans-I/O: no socket, no machine, no time source, no files.

Requests come out as values and replies go in as values; time enters as an argument,
in monotonic milliseconds that wrap (`oauth.ticks`) or in Unix seconds where a date is
meant. The same code therefore runs on a board, in a VM and in a test that has neither.
"""
