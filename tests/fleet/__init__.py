"""A fleet of virtual boards, each for months of virtual time: the firmware runs in this process.

A board has a world of its own: clock, flash, Wi-Fi, network and authorization server. All of it
follows from the board's number, the seed of all draws, so a board that fails can be run again
alone. Beside virtual time this makes it quick:

- The network is in memory, and hands each request to the mock server's application at once. There
  is no TLS but for the dates of the certificate.
- While a board has had nothing to do for a while its naps are longer.
"""
