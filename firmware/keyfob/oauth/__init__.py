"""The protocol, sans-I/O: no socket, no machine, no time source, no files.

Requests come out as values and replies go in as values; time enters as an argument,
in monotonic milliseconds that wrap (`oauth.ticks`) or in Unix seconds where a date is
meant. The same code therefore runs on a board, in a VM and in a test that has neither.
"""

# Values of grant_type (RFC 8628 section 3.4, RFC 6749 section 4.4.2).
DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT_CREDENTIALS = "client_credentials"
