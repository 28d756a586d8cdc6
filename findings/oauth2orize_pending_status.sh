#!/bin/sh
# oauth2orize-device-code 0.1.0 (a draft's flow) answers a poll that is pending with status 403,
# an early one with 429 and an expired code with 403. RFC 8628 section 3.5 refers to RFC 6749
# section 5.2, where these are 400. The member `error` is as the RFC has it. access_denied has
# no status of its own in the package's token errors and becomes 500.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir" \
    oauth2orize@1.12.0 oauth2orize-device-code@0.1.0 >/dev/null

cat >expected <<'END'
authorization_pending 403 authorization_pending
slow_down 429 slow_down
expired_token 403 expired_token
access_denied 500 access_denied
END
cat >run.js <<'END'
const http = require('http');
const oauth2orize = require('oauth2orize');
const device = require('oauth2orize-device-code');

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const server = oauth2orize.createServer();
let answer;
server.exchange(GRANT, device.exchange.deviceCode(
  (client, code, done) => done(new device.TokenError('told', answer))));
const token = server.token();
const tell = server.errorHandler();

const site = http.createServer((req, res) => {
  req.body = { grant_type: GRANT, device_code: 'd' };
  req.user = { id: 'lamp' };
  token(req, res, (error) => tell(error, req, res, () => res.end()));
}).listen(0, '127.0.0.1', async () => {
  for (answer of ['authorization_pending', 'slow_down', 'expired_token', 'access_denied']) {
    const reply = await fetch(`http://127.0.0.1:${site.address().port}/`, { method: 'POST' });
    console.log(answer, reply.status, (await reply.json()).error);
  }
  site.close();
});
END
node run.js | tee seen
diff expected seen
echo "as noted: the status says less than the error"
