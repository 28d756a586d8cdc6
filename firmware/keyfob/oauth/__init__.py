"""The protocol, sans-I/O: no socket, no machine, no clock, no files.

Requests come out as values and replies go in as values. Time is an argument: monotonic
milliseconds that wrap (`oauth.ticks`), or Unix seconds for dates. So the same code runs on a
board, in a VM and in a test.
"""

# Values of grant_type (RFC 8628 section 3.4, RFC 6749 section 4.4.2).
DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT_CREDENTIALS = "client_credentials"
