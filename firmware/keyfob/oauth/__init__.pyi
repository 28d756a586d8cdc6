from typing import Final

DEVICE_CODE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT_CREDENTIALS: Final = "client_credentials"
