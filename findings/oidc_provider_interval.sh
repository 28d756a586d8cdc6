#!/bin/sh
# oidc-provider 9.13.3, a certified server, sends no `interval` with a user code, and answers
# polls without any pause between them as pending: slow_down never comes. RFC 8628 section 3.2
# makes 5 s the client's rule where `interval` is missing. A client that asked as fast as this
# server lets it would be slowed or refused by others.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix "$dir" oidc-provider@9.13.3 >/dev/null

cat >expected <<'END'
members device_code expires_in user_code verification_uri verification_uri_complete
20 polls in a row: authorization_pending
END
cat >run.mjs <<'END'
import Provider from 'oidc-provider';

const CLIENT = {
  client_id: 'lamp',
  token_endpoint_auth_method: 'none',
  grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
  response_types: [],
  redirect_uris: [],
};
const provider = new Provider('http://127.0.0.1', {
  clients: [CLIENT],
  features: { deviceFlow: { enabled: true }, devInteractions: { enabled: false } },
});
const site = provider.listen(0, '127.0.0.1', async () => {
  const base = `http://127.0.0.1:${site.address().port}`;
  const ask = async (path, form) => (await fetch(base + path, {
    method: 'POST', body: new URLSearchParams({ client_id: 'lamp', ...form }),
  })).json();
  const grant = await ask('/device/auth', {});
  console.log('members', Object.keys(grant).sort().join(' '));
  const said = new Set();
  for (let poll = 0; poll < 20; poll++) {
    said.add((await ask('/token', {
      grant_type: CLIENT.grant_types[0], device_code: grant.device_code,
    })).error);
  }
  console.log('20 polls in a row:', [...said].join(' '));
  site.close();
});
END
node run.mjs 2>/dev/null | grep -v '^oidc-provider ' | tee seen
diff expected seen
echo "as noted: no interval, no slow_down"
