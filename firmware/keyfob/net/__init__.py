"""The network: Wi-Fi, the clock, and HTTP over verified TLS."""
