"""The board's way to the network: Wi-Fi, the clock, and HTTP over verified TLS."""
